#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    const __TAG_0: u8 = 0;
    const __TAG_1: u8 = __TAG_0 + 1;
    const __TAG_2: u8 = __TAG_1 + 1;
    #[automatically_derived]
    impl __vmstate::VmState for Tagged {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Tagged",
            )
            .fields(const {
                &[
                    __vmstate::Field::new("tag", <u8 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("Tuple.0", <u8 as __vmstate::Wire>::FORM)
                        .conditional(),
                    __vmstate::Field::new("Tuple.1", <Part as __vmstate::Wire>::FORM)
                        .conditional(),
                    __vmstate::Field::new("Struct.count", <u8 as __vmstate::Wire>::FORM)
                        .conditional(),
                    __vmstate::Field::new(
                            "Struct.items",
                            <Vec<u16> as __vmstate::items::Items>::ITEM
                                .counted(
                                    __vmstate::varray::bounded(
                                        <Vec<u16> as __vmstate::items::Items>::CAPACITY,
                                        __vmstate::CountSource::new("Struct.count").max(4),
                                    ),
                                ),
                        )
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
                Self::Tuple { .. } => __TAG_1,
                Self::Struct { .. } => __TAG_2,
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
                Self::Tuple { 0: field_0, 1: field_1, .. } => {
                    let blocks = const {
                        __vmstate::walk::blocks::<
                            2usize,
                        >(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            1usize,
                            &[(1usize, <Part as __vmstate::Wire>::FIXED)],
                        )
                    };
                    let mut out = __vmstate::Sink::reserve(sink, blocks[0].size);
                    out = <u8 as __vmstate::Wire>::put_front(&*field_0, out);
                    if const { <Part as __vmstate::Wire>::FIXED.is_some() } {
                        out = <Part as __vmstate::Wire>::put_front(&*field_1, out);
                        __vmstate::walk::end_block(
                            sink,
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            &blocks[1usize],
                        );
                    } else {
                        __vmstate::walk::end_block(
                            sink,
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            &blocks[1usize],
                        );
                        __vmstate::InField::in_field(
                            <Part as __vmstate::Wire>::save_elements(
                                &mut *field_1,
                                sink,
                                __vmstate::FieldRef::new(
                                    <Self as __vmstate::VmState>::DESCRIPTION,
                                    2usize,
                                ),
                                __vmstate::ElementIndex::ONLY,
                            ),
                            "Tuple.1",
                        )?;
                    }
                }
                Self::Struct { count: field_count, items: field_items, .. } => {
                    __vmstate::InField::in_field(
                        <u8 as __vmstate::Wire>::save_elements(
                            &mut *field_count,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                3usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "Struct.count",
                    )?;
                    __vmstate::InField::in_field(
                        __vmstate::varray::number(&*field_count, 1)
                            .to_save(sink)
                            .and_then(|count| <Vec<
                                u16,
                            > as __vmstate::items::Items>::save(
                                &mut *field_items,
                                count,
                                sink,
                                __vmstate::FieldRef::new(
                                    <Self as __vmstate::VmState>::DESCRIPTION,
                                    4usize,
                                ),
                            )),
                        "Struct.items",
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
                Self::Tuple { .. } => __TAG_1,
                Self::Struct { .. } => __TAG_2,
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
                Self::Tuple { 0: field_0, 1: field_1, .. } => {
                    let blocks = const {
                        __vmstate::walk::blocks::<
                            2usize,
                        >(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            1usize,
                            &[(1usize, <Part as __vmstate::Wire>::FIXED)],
                        )
                    };
                    let mut out = __vmstate::Sink::reserve(sink, blocks[0].size);
                    out = <u8 as __vmstate::Wire>::put_front(&*field_0, out);
                    if const { <Part as __vmstate::Wire>::FIXED.is_some() } {
                        out = <Part as __vmstate::Wire>::put_front(&*field_1, out);
                        __vmstate::walk::end_block(
                            sink,
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            &blocks[1usize],
                        );
                    } else {
                        __vmstate::walk::end_block(
                            sink,
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            &blocks[1usize],
                        );
                        __vmstate::InField::in_field(
                            <Part as __vmstate::Wire>::share_elements(
                                &*field_1,
                                sink,
                                __vmstate::FieldRef::new(
                                    <Self as __vmstate::VmState>::DESCRIPTION,
                                    2usize,
                                ),
                                __vmstate::ElementIndex::ONLY,
                            ),
                            "Tuple.1",
                        )?;
                    }
                }
                Self::Struct { count: field_count, items: field_items, .. } => {
                    __vmstate::InField::in_field(
                        <u8 as __vmstate::Wire>::share_elements(
                            &*field_count,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                3usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "Struct.count",
                    )?;
                    __vmstate::InField::in_field(
                        __vmstate::varray::number(&*field_count, 1)
                            .to_save(sink)
                            .and_then(|count| <Vec<
                                u16,
                            > as __vmstate::items::Items>::share(
                                &*field_items,
                                count,
                                sink,
                                __vmstate::FieldRef::new(
                                    <Self as __vmstate::VmState>::DESCRIPTION,
                                    4usize,
                                ),
                            )),
                        "Struct.items",
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
            let mut tag: u8 = 0;
            __vmstate::InField::in_field(
                __vmstate::Wire::load_elements(&mut tag, reader),
                "tag",
            )?;
            match tag {
                __TAG_0 => {
                    if !__vmstate::core::matches!(self, Self::Empty { .. }) {
                        *self = Self::Empty {};
                    }
                }
                __TAG_1 => {
                    if !__vmstate::core::matches!(self, Self::Tuple { .. }) {
                        *self = Self::Tuple {
                            0: <u8 as __vmstate::core::default::Default>::default(),
                            1: <Part as __vmstate::core::default::Default>::default(),
                        };
                    }
                }
                __TAG_2 => {
                    if !__vmstate::core::matches!(self, Self::Struct { .. }) {
                        *self = Self::Struct {
                            count: <u8 as __vmstate::core::default::Default>::default(),
                            items: <Vec<
                                u16,
                            > as __vmstate::core::default::Default>::default(),
                            local: 5,
                        };
                    }
                }
                other => {
                    return __vmstate::core::result::Result::Err(
                        __vmstate::variant::unknown(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                &[
                                    __vmstate::variant::Variant::new("Empty", __TAG_0 as i128),
                                    __vmstate::variant::Variant::new("Tuple", __TAG_1 as i128),
                                    __vmstate::variant::Variant::new("Struct", __TAG_2 as i128),
                                ],
                                other.into(),
                            )
                            .at_offset(start),
                    );
                }
            }
            match self {
                Self::Empty { .. } => {}
                Self::Tuple { 0: field_0, 1: field_1, .. } => {
                    let blocks = const {
                        __vmstate::walk::blocks::<
                            2usize,
                        >(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            1usize,
                            &[(1usize, <Part as __vmstate::Wire>::FIXED)],
                        )
                    };
                    let mut from = __vmstate::walk::load_block(
                        reader,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[0],
                    )?;
                    from = <u8 as __vmstate::Wire>::get_front(&mut *field_0, from);
                    if const { <Part as __vmstate::Wire>::FIXED.is_some() } {
                        from = <Part as __vmstate::Wire>::get_front(&mut *field_1, from);
                    } else {
                        __vmstate::InField::in_field(
                            <Part as __vmstate::Wire>::load_elements(
                                &mut *field_1,
                                reader,
                            ),
                            "Tuple.1",
                        )?;
                    }
                }
                Self::Struct { count: field_count, items: field_items, .. } => {
                    __vmstate::InField::in_field(
                        <u8 as __vmstate::Wire>::load_elements(
                            &mut *field_count,
                            reader,
                        ),
                        "Struct.count",
                    )?;
                    __vmstate::InField::in_field(
                        __vmstate::varray::number(&*field_count, 1)
                            .to_load(
                                reader,
                                <Vec<u16> as __vmstate::items::Items>::CAPACITY,
                                __vmstate::core::option::Option::Some(4),
                            )
                            .and_then(|count| <Vec<
                                u16,
                            > as __vmstate::items::Items>::load(
                                &mut *field_items,
                                count,
                                reader,
                            )),
                        "Struct.items",
                    )?;
                }
            }
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Tagged {
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
            __vmstate::walk::newest_inherited(< Tagged as __vmstate::VmState >
            ::DESCRIPTION.fields) <= < Tagged as __vmstate::VmState > ::DESCRIPTION
            .version,
            "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Tagged as __vmstate::VmState >
            ::DESCRIPTION.fields[2usize].form, < Tagged as __vmstate::VmState >
            ::DESCRIPTION, 2usize, 3usize, < Tagged as __vmstate::VmState > ::DESCRIPTION
            .subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
};
