#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Outer {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "outer",
            )
            .versions(3u32, 2u32)
            .fields(const {
                &[
                    __vmstate::Field::new("a", <u8 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("inner", <Inner as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("more", <[Inner; 2] as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("b", <u32 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("c", <u32 as __vmstate::Wire>::FORM),
                ]
            });
        #[allow(unused_variables)]
        #[inline]
        fn save_fields<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::save_elements(
                    &mut self.a,
                    sink,
                    __vmstate::At::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::Element::ONLY,
                ),
                "a",
            )?;
            __vmstate::InField::in_field(
                <Inner as __vmstate::Wire>::save_elements(
                    &mut self.inner,
                    sink,
                    __vmstate::At::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                    ),
                    __vmstate::Element::ONLY,
                ),
                "inner",
            )?;
            __vmstate::InField::in_field(
                <[Inner; 2] as __vmstate::Wire>::save_elements(
                    &mut self.more,
                    sink,
                    __vmstate::At::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        2usize,
                    ),
                    __vmstate::Element::ONLY,
                ),
                "more",
            )?;
            {
                let offsets = const {
                    __vmstate::walk::offsets::<
                        3usize,
                    >(<Self as __vmstate::VmState>::DESCRIPTION, 3usize)
                };
                let out = __vmstate::Sink::out(sink).claim(offsets[2usize]);
                <u32 as __vmstate::Wire>::put(
                    &self.b,
                    &mut out[offsets[0usize]..offsets[1usize]],
                );
                <u32 as __vmstate::Wire>::put(
                    &self.c,
                    &mut out[offsets[1usize]..offsets[2usize]],
                );
                __vmstate::Sink::fixed(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    3usize..5usize,
                );
            }
            __vmstate::core::result::Result::Ok(())
        }
        #[allow(unused_variables)]
        #[inline]
        fn load_fields(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::load_elements(&mut self.a, reader),
                "a",
            )?;
            __vmstate::InField::in_field(
                <Inner as __vmstate::Wire>::load_elements(&mut self.inner, reader),
                "inner",
            )?;
            __vmstate::InField::in_field(
                <[Inner; 2] as __vmstate::Wire>::load_elements(&mut self.more, reader),
                "more",
            )?;
            {
                let offsets = const {
                    __vmstate::walk::offsets::<
                        3usize,
                    >(<Self as __vmstate::VmState>::DESCRIPTION, 3usize)
                };
                let from = __vmstate::walk::load_run(
                    reader,
                    offsets[2usize],
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    3usize..5usize,
                )?;
                <u32 as __vmstate::Wire>::get(
                    &mut self.b,
                    &from[offsets[0usize]..offsets[1usize]],
                );
                <u32 as __vmstate::Wire>::get(
                    &mut self.c,
                    &from[offsets[1usize]..offsets[2usize]],
                );
            }
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Outer {
        const FORM: __vmstate::Form = __vmstate::Form::structure(
            <Self as __vmstate::VmState>::DESCRIPTION,
        );
        const FIXED: __vmstate::core::option::Option<usize> = __vmstate::walk::sum(
            &[
                <u8 as __vmstate::Wire>::FIXED,
                <Inner as __vmstate::Wire>::FIXED,
                <[Inner; 2] as __vmstate::Wire>::FIXED,
                <u32 as __vmstate::Wire>::FIXED,
                <u32 as __vmstate::Wire>::FIXED,
            ],
        );
        #[inline]
        #[allow(unused_variables)]
        fn put(&self, out: &mut [u8]) {
            let offsets = const {
                __vmstate::walk::offsets::<
                    6usize,
                >(<Self as __vmstate::VmState>::DESCRIPTION, 0usize)
            };
            <u8 as __vmstate::Wire>::put(
                &self.a,
                &mut out[offsets[0usize]..offsets[1usize]],
            );
            <Inner as __vmstate::Wire>::put(
                &self.inner,
                &mut out[offsets[1usize]..offsets[2usize]],
            );
            <[Inner; 2] as __vmstate::Wire>::put(
                &self.more,
                &mut out[offsets[2usize]..offsets[3usize]],
            );
            <u32 as __vmstate::Wire>::put(
                &self.b,
                &mut out[offsets[3usize]..offsets[4usize]],
            );
            <u32 as __vmstate::Wire>::put(
                &self.c,
                &mut out[offsets[4usize]..offsets[5usize]],
            );
        }
        #[inline]
        #[allow(unused_variables)]
        fn get(&mut self, from: &[u8]) {
            let offsets = const {
                __vmstate::walk::offsets::<
                    6usize,
                >(<Self as __vmstate::VmState>::DESCRIPTION, 0usize)
            };
            <u8 as __vmstate::Wire>::get(
                &mut self.a,
                &from[offsets[0usize]..offsets[1usize]],
            );
            <Inner as __vmstate::Wire>::get(
                &mut self.inner,
                &from[offsets[1usize]..offsets[2usize]],
            );
            <[Inner; 2] as __vmstate::Wire>::get(
                &mut self.more,
                &from[offsets[2usize]..offsets[3usize]],
            );
            <u32 as __vmstate::Wire>::get(
                &mut self.b,
                &from[offsets[3usize]..offsets[4usize]],
            );
            <u32 as __vmstate::Wire>::get(
                &mut self.c,
                &from[offsets[4usize]..offsets[5usize]],
            );
        }
        fn save_elements<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            at: __vmstate::At,
            element: __vmstate::Element,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::walk::save_struct(self, sink, at, element)
        }
        fn load_elements(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            __vmstate::walk::load_struct(self, reader)
        }
    }
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Inner as __vmstate::Wire > ::FORM, < Outer
            as __vmstate::VmState > ::DESCRIPTION, 1usize),
            "the format cannot tell what follows this struct from a subsection of it: move the field to the end, \
             or say `#[vmstate(ambiguous = \"QEMU has it so\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< [Inner; 2] as __vmstate::Wire > ::FORM, <
            Outer as __vmstate::VmState > ::DESCRIPTION, 2usize),
            "the format cannot tell what follows this struct from a subsection of it: move the field to the end, \
             or say `#[vmstate(ambiguous = \"QEMU has it so\")]`"
        );
    };
};
