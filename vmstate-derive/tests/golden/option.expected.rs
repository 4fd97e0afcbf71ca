#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Options {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Options",
            )
            .fields(const {
                &[
                    __vmstate::Field::new("has_value", <bool as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("value", <u16 as __vmstate::Wire>::FORM)
                        .conditional(),
                    __vmstate::Field::new("has_always", <bool as __vmstate::Wire>::FORM)
                        .since(1u32),
                    __vmstate::Field::new("always", <Part as __vmstate::Wire>::FORM)
                        .since(1u32),
                ]
            });
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = __vmstate::walk::exclusive(
            &[<Part as __vmstate::Wire>::EXCLUSIVE],
        );
        #[allow(unused_variables)]
        #[inline]
        fn save_fields<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            let present = __vmstate::InField::in_field(
                __vmstate::optional::save(
                    &self.value,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                ),
                "has_value",
            )?;
            __vmstate::InField::in_field(
                match &mut self.value {
                    __vmstate::core::option::Option::Some(value) => {
                        <u16 as __vmstate::Wire>::save_elements(
                            value,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                1usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        )
                    }
                    __vmstate::core::option::Option::None => {
                        __vmstate::core::result::Result::Ok(())
                    }
                },
                "value",
            )?;
            if version >= 1u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                let present = __vmstate::InField::in_field(
                    __vmstate::optional::save(
                        &self.always,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            2usize,
                        ),
                    ),
                    "has_always",
                )?;
                __vmstate::InField::in_field(
                    {
                        let mut absent = __vmstate::core::option::Option::None;
                        let value = __vmstate::optional::or_insert(
                            &mut self.always,
                            &mut absent,
                            || <Part as __vmstate::core::default::Default>::default(),
                        );
                        <Part as __vmstate::Wire>::save_elements(
                            value,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                3usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        )
                    },
                    "always",
                )?;
            }
            __vmstate::core::result::Result::Ok(())
        }
        #[allow(unused_variables)]
        #[inline]
        fn share_fields<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            let present = __vmstate::InField::in_field(
                __vmstate::optional::save(
                    &self.value,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                ),
                "has_value",
            )?;
            __vmstate::InField::in_field(
                match &self.value {
                    __vmstate::core::option::Option::Some(value) => {
                        <u16 as __vmstate::Wire>::share_elements(
                            value,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                1usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        )
                    }
                    __vmstate::core::option::Option::None => {
                        __vmstate::core::result::Result::Ok(())
                    }
                },
                "value",
            )?;
            if version >= 1u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                let present = __vmstate::InField::in_field(
                    __vmstate::optional::save(
                        &self.always,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            2usize,
                        ),
                    ),
                    "has_always",
                )?;
                __vmstate::InField::in_field(
                    {
                        let mut absent = __vmstate::core::option::Option::None;
                        let value = __vmstate::optional::or_default(
                            &self.always,
                            &mut absent,
                            || <Part as __vmstate::core::default::Default>::default(),
                        );
                        <Part as __vmstate::Wire>::share_elements(
                            value,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                3usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        )
                    },
                    "always",
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
            let present = __vmstate::InField::in_field(
                __vmstate::optional::load(reader),
                "has_value",
            )?;
            __vmstate::InField::in_field(
                if present {
                    let value = __vmstate::core::option::Option::get_or_insert_with(
                        &mut self.value,
                        || <u16 as __vmstate::core::default::Default>::default(),
                    );
                    <u16 as __vmstate::Wire>::load_elements(value, reader)
                } else {
                    *&mut self.value = __vmstate::core::option::Option::None;
                    __vmstate::core::result::Result::Ok(())
                },
                "value",
            )?;
            if version >= 1u32 || reader.is_checkpoint() {
                let present = __vmstate::InField::in_field(
                    __vmstate::optional::load(reader),
                    "has_always",
                )?;
                __vmstate::InField::in_field(
                    {
                        let value = __vmstate::core::option::Option::get_or_insert_with(
                            &mut self.always,
                            || <Part as __vmstate::core::default::Default>::default(),
                        );
                        let loaded = <Part as __vmstate::Wire>::load_elements(
                            value,
                            reader,
                        );
                        if !present {
                            *&mut self.always = __vmstate::core::option::Option::None;
                        }
                        loaded
                    },
                    "always",
                )?;
            }
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Options {
        const FORM: __vmstate::Form = __vmstate::Form::structure(
            <Self as __vmstate::VmState>::DESCRIPTION,
        );
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = <Self as __vmstate::VmState>::EXCLUSIVE;
        fn save_elements<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            at: __vmstate::FieldRef,
            element: __vmstate::ElementIndex,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::walk::save_struct(self, sink, at, element)
        }
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
    const _: () = {
        __vmstate::core::assert!(
            __vmstate::walk::newest_inherited(< Options as __vmstate::VmState >
            ::DESCRIPTION.fields) <= < Options as __vmstate::VmState > ::DESCRIPTION
            .version,
            "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Options as __vmstate::VmState >
            ::DESCRIPTION.fields[3usize].form, < Options as __vmstate::VmState >
            ::DESCRIPTION, 3usize, 4usize, < Options as __vmstate::VmState >
            ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
};
