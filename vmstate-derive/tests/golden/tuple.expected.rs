#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use renamed::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Tuple {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Tuple",
            )
            .fields(const {
                &[
                    __vmstate::Field::new("0", <u8 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new(
                        "second",
                        <__vmstate::TimerInfo as __vmstate::Codec<Option<u64>>>::FORM,
                    ),
                ]
            });
        #[allow(unused_variables)]
        fn save_fields<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::save_elements(
                    &mut self.0,
                    sink,
                    __vmstate::At::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::Element::ONLY,
                ),
                "0",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::TimerInfo as __vmstate::Codec<
                    Option<u64>,
                >>::save(
                    &mut self.1,
                    sink,
                    __vmstate::At::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                    ),
                    __vmstate::Element::ONLY,
                ),
                "second",
            )?;
            __vmstate::core::result::Result::Ok(())
        }
        #[allow(unused_variables)]
        fn load_fields(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::load_elements(&mut self.0, reader),
                "0",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::TimerInfo as __vmstate::Codec<
                    Option<u64>,
                >>::load(&mut self.1, reader),
                "second",
            )?;
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Tuple {
        const FORM: __vmstate::Form = __vmstate::Form::structure(
            <Self as __vmstate::VmState>::DESCRIPTION,
        );
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
