#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::Wire for Mode {
        const FORM: __vmstate::Form = <u8 as __vmstate::Wire>::FORM;
        fn share_elements<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            at: __vmstate::FieldRef,
            element: __vmstate::ElementIndex,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            let number = match self {
                Self::Off => Self::Off as u8,
                Self::r#On => Self::r#On as u8,
            };
            __vmstate::Wire::share_elements(&number, sink, at, element)
        }
        fn load_elements(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            let start = reader.offset();
            let mut number: u8 = 0;
            __vmstate::Wire::load_elements(&mut number, reader)?;
            *self = match number {
                number if number == Self::Off as u8 => Self::Off,
                number if number == Self::r#On as u8 => Self::r#On,
                other => {
                    return __vmstate::core::result::Result::Err(
                        __vmstate::LoadError::malformed("one of Mode: Off, On", other)
                            .at_offset(start),
                    );
                }
            };
            __vmstate::core::result::Result::Ok(())
        }
    }
};
