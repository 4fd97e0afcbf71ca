::core::compile_error! {
    "unknown field attribute `sinse`; did you mean `since`?"
}
#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl<T> __vmstate::VmState for Mistake<T> {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
            "Mistake",
        );
        fn share_fields<__S: __vmstate::Sink>(
            &self,
            _: &mut __S,
            _: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::core::result::Result::Ok(())
        }
        fn load_fields(
            &mut self,
            _: &mut __vmstate::Reader<'_>,
            _: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl<T> __vmstate::Wire for Mistake<T> {
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
