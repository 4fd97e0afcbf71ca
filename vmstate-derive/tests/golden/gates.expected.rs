#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Gates {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "gates",
            )
            .versions(4u32, 1u32)
            .fields(const {
                &[
                    __vmstate::Field::new("a", <u8 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("b", <u8 as __vmstate::Wire>::FORM)
                        .since(2u32),
                    __vmstate::Field::new("c", <u16 as __vmstate::Wire>::FORM)
                        .since(2u32),
                    __vmstate::Field::new("d", <u32 as __vmstate::Wire>::FORM)
                        .since(2u32)
                        .until(3u32),
                    __vmstate::Field::new(
                            "unused",
                            <__vmstate::Unused<4> as __vmstate::Wire>::FORM,
                        )
                        .conditional(),
                    __vmstate::Field::new("e", <u8 as __vmstate::Wire>::FORM)
                        .conditional(),
                ]
            });
        #[allow(unused_variables)]
        #[inline(never)]
        fn share_fields<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::share_elements(
                    &self.a,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "a",
            )?;
            if version >= 2u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                {
                    let out = __vmstate::Sink::reserve(
                        sink,
                        const {
                            __vmstate::walk::run_size(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                1usize,
                                2usize,
                            )
                        },
                    );
                    let out = <u8 as __vmstate::Wire>::put_front(&self.b, out);
                    let out = <u16 as __vmstate::Wire>::put_front(&self.c, out);
                    __vmstate::Sink::fixed(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize..3usize,
                    );
                }
            }
            if (2u32..=3u32).contains(&version)
                || __vmstate::Sink::out(sink).is_checkpoint()
            {
                __vmstate::InField::in_field(
                    <u32 as __vmstate::Wire>::share_elements(
                        &self.d,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            3usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "d",
                )?;
            }
            if !__vmstate::Sink::out(sink).is_checkpoint()
                && __vmstate::hook::holds(&*self, version, Self::has_e)
            {
                {
                    let out = __vmstate::Sink::reserve(
                        sink,
                        const {
                            __vmstate::walk::run_size(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                4usize,
                                1usize,
                            )
                        },
                    );
                    let out = <__vmstate::Unused<
                        4,
                    > as __vmstate::Wire>::put_front(&__vmstate::Unused, out);
                    __vmstate::Sink::fixed(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        4usize..5usize,
                    );
                }
            }
            if __vmstate::Sink::out(sink).is_checkpoint()
                || __vmstate::hook::holds(&*self, version, Self::has_e)
            {
                __vmstate::InField::in_field(
                    <u8 as __vmstate::Wire>::share_elements(
                        &self.e,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            5usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "e",
                )?;
            }
            __vmstate::core::result::Result::Ok(())
        }
        #[allow(unused_variables)]
        #[inline(never)]
        fn load_fields(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::load_elements(&mut self.a, reader),
                "a",
            )?;
            if version >= 2u32 || reader.is_checkpoint() {
                {
                    let from = __vmstate::walk::load_run(
                        reader,
                        const {
                            __vmstate::walk::run_size(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                1usize,
                                2usize,
                            )
                        },
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize..3usize,
                    )?;
                    let from = <u8 as __vmstate::Wire>::get_front(&mut self.b, from);
                    let from = <u16 as __vmstate::Wire>::get_front(&mut self.c, from);
                }
            }
            if (2u32..=3u32).contains(&version) || reader.is_checkpoint() {
                __vmstate::InField::in_field(
                    <u32 as __vmstate::Wire>::load_elements(&mut self.d, reader),
                    "d",
                )?;
            } else {
                self.d = <u32 as __vmstate::core::default::Default>::default();
            }
            if !reader.is_checkpoint()
                && __vmstate::hook::holds(&*self, version, Self::has_e)
            {
                {
                    let from = __vmstate::walk::load_run(
                        reader,
                        const {
                            __vmstate::walk::run_size(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                4usize,
                                1usize,
                            )
                        },
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        4usize..5usize,
                    )?;
                    let from = <__vmstate::Unused<
                        4,
                    > as __vmstate::Wire>::get_front(&mut __vmstate::Unused, from);
                }
            }
            if reader.is_checkpoint()
                || __vmstate::hook::holds(&*self, version, Self::has_e)
            {
                __vmstate::InField::in_field(
                    <u8 as __vmstate::Wire>::load_elements(&mut self.e, reader),
                    "e",
                )?;
            } else {
                self.e = seven();
            }
            self.f = nothing();
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Gates {
        const FORM: __vmstate::Form = __vmstate::Form::structure(
            <Self as __vmstate::VmState>::DESCRIPTION,
        );
        fn share_elements<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            at: __vmstate::FieldRef,
            element: __vmstate::ElementIndex,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::walk::share_struct(self, sink, at, element)
        }
        fn load_elements(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            __vmstate::walk::load_struct(self, reader)
        }
    }
};
