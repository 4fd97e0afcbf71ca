#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    const __TAG_0: u16 = 3;
    const __TAG_1: u16 = __TAG_0 + 1;
    #[automatically_derived]
    impl __vmstate::VmState for Fixed {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Fixed",
            )
            .fields(const {
                &[
                    __vmstate::Field::new("tag", <u16 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("Full.0", <Part as __vmstate::Wire>::FORM)
                        .conditional(),
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
            let tag = match self {
                Self::Empty { .. } => __TAG_0,
                Self::Full { .. } => __TAG_1,
            };
            __vmstate::InField::in_field(
                __vmstate::Wire::share_elements(
                    &tag,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "tag",
            )?;
            match self {
                Self::Empty { .. } => {}
                Self::Full { 0: field_0, .. } => {
                    __vmstate::InField::in_field(
                        <Part as __vmstate::Wire>::save_elements(
                            &mut *field_0,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                1usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "Full.0",
                    )?;
                }
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
            let tag = match self {
                Self::Empty { .. } => __TAG_0,
                Self::Full { .. } => __TAG_1,
            };
            __vmstate::InField::in_field(
                __vmstate::Wire::share_elements(
                    &tag,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "tag",
            )?;
            match self {
                Self::Empty { .. } => {}
                Self::Full { 0: field_0, .. } => {
                    __vmstate::InField::in_field(
                        <Part as __vmstate::Wire>::share_elements(
                            &*field_0,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                1usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "Full.0",
                    )?;
                }
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
            let start = reader.offset();
            let mut tag: u16 = 0;
            __vmstate::InField::in_field(
                __vmstate::Wire::load_elements(&mut tag, reader),
                "tag",
            )?;
            match tag {
                __TAG_0 => {
                    if !__vmstate::core::matches!(self, Self::Empty { .. }) {
                        let local = match self {
                            Self::Empty { .. } => __TAG_0,
                            Self::Full { .. } => __TAG_1,
                        };
                        return __vmstate::core::result::Result::Err(
                            __vmstate::variant::fixed(
                                    <Self as __vmstate::VmState>::DESCRIPTION,
                                    &[
                                        __vmstate::variant::Variant::new("Empty", __TAG_0 as i128),
                                        __vmstate::variant::Variant::new("Full", __TAG_1 as i128),
                                    ],
                                    local.into(),
                                    tag.into(),
                                )
                                .at_offset(start),
                        );
                    }
                }
                __TAG_1 => {
                    if !__vmstate::core::matches!(self, Self::Full { .. }) {
                        let local = match self {
                            Self::Empty { .. } => __TAG_0,
                            Self::Full { .. } => __TAG_1,
                        };
                        return __vmstate::core::result::Result::Err(
                            __vmstate::variant::fixed(
                                    <Self as __vmstate::VmState>::DESCRIPTION,
                                    &[
                                        __vmstate::variant::Variant::new("Empty", __TAG_0 as i128),
                                        __vmstate::variant::Variant::new("Full", __TAG_1 as i128),
                                    ],
                                    local.into(),
                                    tag.into(),
                                )
                                .at_offset(start),
                        );
                    }
                }
                other => {
                    return __vmstate::core::result::Result::Err(
                        __vmstate::variant::unknown(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                &[
                                    __vmstate::variant::Variant::new("Empty", __TAG_0 as i128),
                                    __vmstate::variant::Variant::new("Full", __TAG_1 as i128),
                                ],
                                other.into(),
                            )
                            .at_offset(start),
                    );
                }
            }
            match self {
                Self::Empty { .. } => {}
                Self::Full { 0: field_0, .. } => {
                    __vmstate::InField::in_field(
                        <Part as __vmstate::Wire>::load_elements(&mut *field_0, reader),
                        "Full.0",
                    )?;
                }
            }
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Fixed {
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
            __vmstate::walk::newest_inherited(< Fixed as __vmstate::VmState >
            ::DESCRIPTION.fields) <= < Fixed as __vmstate::VmState > ::DESCRIPTION
            .version,
            "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Fixed as __vmstate::VmState > ::DESCRIPTION
            .fields[1usize].form, < Fixed as __vmstate::VmState > ::DESCRIPTION, 1usize,
            2usize, < Fixed as __vmstate::VmState > ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
};
