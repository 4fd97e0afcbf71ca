#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl<T: Wire> __vmstate::Wire for Level<T> {
        const FORM: __vmstate::Form = <T as __vmstate::Wire>::FORM;
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = <T as __vmstate::Wire>::EXCLUSIVE;
        const FIXED: __vmstate::core::option::Option<usize> = <T as __vmstate::Wire>::FIXED;
        #[inline]
        fn put(&self, out: &mut [u8]) {
            <T as __vmstate::Wire>::put(&self.0, out);
        }
        #[inline]
        fn get(&mut self, from: &[u8]) {
            <T as __vmstate::Wire>::get(&mut self.0, from);
        }
        fn save_elements<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            at: __vmstate::FieldRef,
            element: __vmstate::ElementIndex,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            <T as __vmstate::Wire>::save_elements(&mut self.0, sink, at, element)
        }
        fn share_elements<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            at: __vmstate::FieldRef,
            element: __vmstate::ElementIndex,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            <T as __vmstate::Wire>::share_elements(&self.0, sink, at, element)
        }
        fn load_elements(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            <T as __vmstate::Wire>::load_elements(&mut self.0, reader)
        }
    }
};
