#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use renamed::__private as __vmstate;
    #[automatically_derived]
    impl<'a, T: Wire, const N: usize> __vmstate::VmState for Generic<'a, T, N>
    where
        T: Copy,
    {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Generic",
            )
            .fields(const {
                &[
                    __vmstate::Field::new("values", <[T; N] as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("words", <[u16; N] as __vmstate::Wire>::FORM),
                ]
            });
        #[allow(unused_variables)]
        #[inline]
        fn save_fields<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            const {
                __vmstate::core::assert!(
                    ! __vmstate::walk::is_ambiguous(< [T; N] as __vmstate::Wire > ::FORM,
                    < Self as __vmstate::VmState > ::DESCRIPTION, 0usize),
                    "the format cannot tell what follows this struct from a subsection of it: move the field to the end, \
             or say `#[vmstate(ambiguous = \"QEMU has it so\")]`"
                );
            }
            __vmstate::InField::in_field(
                <[T; N] as __vmstate::Wire>::save_elements(
                    &mut self.values,
                    sink,
                    __vmstate::At::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::Element::ONLY,
                ),
                "values",
            )?;
            __vmstate::InField::in_field(
                <[u16; N] as __vmstate::Wire>::save_elements(
                    &mut self.words,
                    sink,
                    __vmstate::At::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                    ),
                    __vmstate::Element::ONLY,
                ),
                "words",
            )?;
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
                <[T; N] as __vmstate::Wire>::load_elements(&mut self.values, reader),
                "values",
            )?;
            __vmstate::InField::in_field(
                <[u16; N] as __vmstate::Wire>::load_elements(&mut self.words, reader),
                "words",
            )?;
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl<'a, T: Wire, const N: usize> __vmstate::Wire for Generic<'a, T, N>
    where
        T: Copy,
    {
        const FORM: __vmstate::Form = __vmstate::Form::structure(
            <Self as __vmstate::VmState>::DESCRIPTION,
        );
        const FIXED: __vmstate::core::option::Option<usize> = __vmstate::walk::sum(
            &[<[T; N] as __vmstate::Wire>::FIXED, <[u16; N] as __vmstate::Wire>::FIXED],
        );
        #[inline]
        #[allow(unused_variables)]
        fn put(&self, out: &mut [u8]) {
            let offsets = const {
                __vmstate::walk::offsets::<
                    3usize,
                >(<Self as __vmstate::VmState>::DESCRIPTION, 0usize)
            };
            <[T; N] as __vmstate::Wire>::put(
                &self.values,
                &mut out[offsets[0usize]..offsets[1usize]],
            );
            <[u16; N] as __vmstate::Wire>::put(
                &self.words,
                &mut out[offsets[1usize]..offsets[2usize]],
            );
        }
        #[inline]
        #[allow(unused_variables)]
        fn get(&mut self, from: &[u8]) {
            let offsets = const {
                __vmstate::walk::offsets::<
                    3usize,
                >(<Self as __vmstate::VmState>::DESCRIPTION, 0usize)
            };
            <[T; N] as __vmstate::Wire>::get(
                &mut self.values,
                &from[offsets[0usize]..offsets[1usize]],
            );
            <[u16; N] as __vmstate::Wire>::get(
                &mut self.words,
                &from[offsets[1usize]..offsets[2usize]],
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
};
