#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Parts {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Parts",
            )
            .fields(const {
                &[
                    __vmstate::Field::new(
                        "numbers",
                        <[u32; 8] as __vmstate::items::Items>::ITEM
                            .times(
                                __vmstate::part::length(
                                    <[u32; 8] as __vmstate::items::Items>::CAPACITY,
                                    2,
                                    6,
                                ),
                            ),
                    ),
                    __vmstate::Field::new(
                        "infos",
                        <Box<[Flags; 4]> as __vmstate::items::ItemsBy<MyInfo>>::ITEM
                            .times(
                                __vmstate::part::length(
                                    <Box<
                                        [Flags; 4],
                                    > as __vmstate::items::ItemsBy<MyInfo>>::CAPACITY,
                                    FIRST,
                                    __vmstate::varray::length(
                                        <Box<
                                            [Flags; 4],
                                        > as __vmstate::items::ItemsBy<MyInfo>>::CAPACITY,
                                    ),
                                ),
                            ),
                    ),
                    __vmstate::Field::new(
                        "bytes",
                        __vmstate::Form::info(
                            "buffer",
                            __vmstate::core::option::Option::Some(
                                __vmstate::part::length(
                                    <[u8; 8] as __vmstate::items::Bytes>::CAPACITY,
                                    0,
                                    4,
                                ),
                            ),
                        ),
                    ),
                ]
            });
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = __vmstate::walk::exclusive(
            &[<Box<[Flags; 4]> as __vmstate::items::ItemsBy<MyInfo>>::EXCLUSIVE],
        );
        #[allow(unused_variables)]
        #[inline]
        fn save_fields<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::InField::in_field(
                <[u32; 8] as __vmstate::items::Items>::save_part(
                    &mut self.numbers,
                    2,
                    6,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                ),
                "numbers",
            )?;
            __vmstate::InField::in_field(
                <Box<
                    [Flags; 4],
                > as __vmstate::items::ItemsBy<
                    MyInfo,
                >>::save_part(
                    &mut self.infos,
                    FIRST,
                    <Box<[Flags; 4]> as __vmstate::items::ItemsBy<MyInfo>>::CAPACITY
                        .unwrap_or(0),
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                    ),
                ),
                "infos",
            )?;
            __vmstate::InField::in_field(
                <[u8; 8] as __vmstate::items::Bytes>::save_part(
                    &mut self.bytes,
                    0,
                    4,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        2usize,
                    ),
                ),
                "bytes",
            )?;
            __vmstate::core::result::Result::Ok(())
        }
        #[allow(unused_variables)]
        #[inline]
        fn share_fields<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::InField::in_field(
                <[u32; 8] as __vmstate::items::Items>::share_part(
                    &self.numbers,
                    2,
                    6,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                ),
                "numbers",
            )?;
            __vmstate::InField::in_field(
                <Box<
                    [Flags; 4],
                > as __vmstate::items::ItemsBy<
                    MyInfo,
                >>::share_part(
                    &self.infos,
                    FIRST,
                    <Box<[Flags; 4]> as __vmstate::items::ItemsBy<MyInfo>>::CAPACITY
                        .unwrap_or(0),
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                    ),
                ),
                "infos",
            )?;
            __vmstate::InField::in_field(
                <[u8; 8] as __vmstate::items::Bytes>::share_part(
                    &self.bytes,
                    0,
                    4,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        2usize,
                    ),
                ),
                "bytes",
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
                <[u32; 8] as __vmstate::items::Items>::load_part(
                    &mut self.numbers,
                    2,
                    6,
                    reader,
                ),
                "numbers",
            )?;
            __vmstate::InField::in_field(
                <Box<
                    [Flags; 4],
                > as __vmstate::items::ItemsBy<
                    MyInfo,
                >>::load_part(
                    &mut self.infos,
                    FIRST,
                    <Box<[Flags; 4]> as __vmstate::items::ItemsBy<MyInfo>>::CAPACITY
                        .unwrap_or(0),
                    reader,
                ),
                "infos",
            )?;
            __vmstate::InField::in_field(
                <[u8; 8] as __vmstate::items::Bytes>::load_part(
                    &mut self.bytes,
                    0,
                    4,
                    reader,
                ),
                "bytes",
            )?;
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Parts {
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
            __vmstate::walk::newest_inherited(< Parts as __vmstate::VmState >
            ::DESCRIPTION.fields) <= < Parts as __vmstate::VmState > ::DESCRIPTION
            .version,
            "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Parts as __vmstate::VmState > ::DESCRIPTION
            .fields[1usize].form, < Parts as __vmstate::VmState > ::DESCRIPTION, 1usize,
            3usize, < Parts as __vmstate::VmState > ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
};
