#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    struct __View<'__v> {
        __value: &'__v mut other::Foreign<u8>,
    }
    impl __vmstate::core::ops::Deref for __View<'_> {
        type Target = other::Foreign<u8>;
        fn deref(&self) -> &other::Foreign<u8> {
            self.__value
        }
    }
    impl __vmstate::core::ops::DerefMut for __View<'_> {
        fn deref_mut(&mut self) -> &mut other::Foreign<u8> {
            self.__value
        }
    }
    #[automatically_derived]
    impl<'__v> __vmstate::VmState for __View<'__v> {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "foreign",
            )
            .versions(2u32, 1u32)
            .fields(const {
                &[
                    __vmstate::Field::new("value", <u8 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("more", <[u16; 2] as __vmstate::Wire>::FORM)
                        .since(2u32),
                ]
            });
        #[allow(unused_variables)]
        #[inline]
        fn share_fields<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::share_elements(
                    &(**self).value,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "value",
            )?;
            if version >= 2u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    <[u16; 2] as __vmstate::Wire>::share_elements(
                        &(**self).more,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            1usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "more",
                )?;
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
                <u8 as __vmstate::Wire>::load_elements(&mut (**self).value, reader),
                "value",
            )?;
            if version >= 2u32 || reader.is_checkpoint() {
                __vmstate::InField::in_field(
                    <[u16; 2] as __vmstate::Wire>::load_elements(
                        &mut (**self).more,
                        reader,
                    ),
                    "more",
                )?;
            }
            __vmstate::core::result::Result::Ok(())
        }
    }
    struct __SharedView<'__v> {
        __value: &'__v other::Foreign<u8>,
    }
    impl __vmstate::core::ops::Deref for __SharedView<'_> {
        type Target = other::Foreign<u8>;
        fn deref(&self) -> &other::Foreign<u8> {
            self.__value
        }
    }
    #[automatically_derived]
    impl<'__v> __vmstate::VmState for __SharedView<'__v> {
        const DESCRIPTION: &'static __vmstate::Description = <__View<
            'static,
        > as __vmstate::VmState>::DESCRIPTION;
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = <__View<
            'static,
        > as __vmstate::VmState>::EXCLUSIVE;
        #[allow(unused_variables)]
        #[inline]
        fn share_fields<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::share_elements(
                    &(**self).value,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "value",
            )?;
            if version >= 2u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    <[u16; 2] as __vmstate::Wire>::share_elements(
                        &(**self).more,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            1usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "more",
                )?;
            }
            __vmstate::core::result::Result::Ok(())
        }
        fn load_fields(
            &mut self,
            _: &mut __vmstate::Reader<'_>,
            _: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            __vmstate::core::result::Result::Err(
                __vmstate::LoadError::misuse("`&mut`", "`&`"),
            )
        }
    }
    #[automatically_derived]
    impl __vmstate::Codec<other::Foreign<u8>> for Mirror {
        const FORM: __vmstate::Form = __vmstate::Form::structure(
            <__View<'static> as __vmstate::VmState>::DESCRIPTION,
        );
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = <__View<
            'static,
        > as __vmstate::VmState>::EXCLUSIVE;
        fn save<__S: __vmstate::Sink>(
            value: &mut other::Foreign<u8>,
            sink: &mut __S,
            at: __vmstate::FieldRef,
            element: __vmstate::ElementIndex,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::walk::save_view(&mut __View { __value: value }, sink, at, element)
        }
        fn share<__S: __vmstate::Sink>(
            value: &other::Foreign<u8>,
            sink: &mut __S,
            at: __vmstate::FieldRef,
            element: __vmstate::ElementIndex,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::walk::share_view(
                &__SharedView { __value: value },
                sink,
                at,
                element,
            )
        }
        fn load(
            value: &mut other::Foreign<u8>,
            reader: &mut __vmstate::Reader<'_>,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            let version = <__View<'static> as __vmstate::VmState>::DESCRIPTION.version;
            __vmstate::walk::load(&mut __View { __value: value }, reader, version)
        }
    }
    #[allow(dead_code)]
    fn used(definition: &Mirror) {
        let _ = &definition.value;
        let _ = &definition.more;
    }
};
