#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Counted {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "counted",
            )
            .fields(const {
                &[
                    __vmstate::Field::new("count", <u8 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new(
                        "numbers",
                        <Vec<u16> as __vmstate::items::Items>::ITEM
                            .counted(
                                __vmstate::varray::bounded(
                                    <Vec<u16> as __vmstate::items::Items>::CAPACITY,
                                    __vmstate::CountSource::new("count").max(64),
                                ),
                            ),
                    ),
                    __vmstate::Field::new(
                        "front",
                        <[Inner; 8] as __vmstate::items::Items>::ITEM
                            .counted(
                                __vmstate::varray::bounded(
                                    <[Inner; 8] as __vmstate::items::Items>::CAPACITY,
                                    __vmstate::CountSource::new("count").multiply(Self::EACH),
                                ),
                            ),
                    ),
                    __vmstate::Field::new(
                        "sizes",
                        <Vec<
                            usize,
                        > as __vmstate::items::ItemsBy<__vmstate::As<u32>>>::ITEM
                            .counted(
                                __vmstate::varray::bounded(
                                    <Vec<
                                        usize,
                                    > as __vmstate::items::ItemsBy<
                                        __vmstate::As<u32>,
                                    >>::CAPACITY,
                                    __vmstate::CountSource::new("count").max(4),
                                ),
                            ),
                    ),
                    __vmstate::Field::new("nmore", <u16 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new(
                        "more",
                        <VecDeque<Inner> as __vmstate::items::Items>::ITEM
                            .counted(
                                __vmstate::varray::bounded(
                                    <VecDeque<Inner> as __vmstate::items::Items>::CAPACITY,
                                    __vmstate::CountSource::new("nmore").max(MORE),
                                ),
                            ),
                    ),
                    __vmstate::Field::new(
                        "bytes",
                        __vmstate::Form::info(
                                "buffer",
                                __vmstate::core::option::Option::None,
                            )
                            .sized(
                                __vmstate::varray::bounded(
                                    <Vec<u8> as __vmstate::items::Bytes>::CAPACITY,
                                    __vmstate::CountSource::new("count").multiply(4).max(256),
                                ),
                            ),
                    ),
                    __vmstate::Field::new(
                        "bits",
                        __vmstate::Form::info(
                                "bitmap",
                                __vmstate::core::option::Option::None,
                            )
                            .sized(
                                __vmstate::varray::bounded(
                                    <Vec<u64> as __vmstate::bitmap::Words>::CAPACITY,
                                    __vmstate::CountSource::new("count").max(512),
                                ),
                            ),
                    ),
                    __vmstate::Field::new(
                        "fixed_bits",
                        __vmstate::Form::info(
                                "bitmap",
                                __vmstate::core::option::Option::None,
                            )
                            .sized(
                                __vmstate::varray::bounded(
                                    <[u64; 2] as __vmstate::bitmap::Words>::CAPACITY,
                                    __vmstate::CountSource::new(
                                            __vmstate::core::stringify!(100),
                                        )
                                        .max(100),
                                ),
                            ),
                    ),
                    __vmstate::Field::new(
                        "own_length",
                        <__vmstate::ByteArray<{ 16 }> as __vmstate::Codec<Vec<u8>>>::FORM,
                    ),
                    __vmstate::Field::new(
                        "unused",
                        __vmstate::Form::info(
                                "unused_buffer",
                                __vmstate::core::option::Option::Some(3),
                            )
                            .counted(__vmstate::CountSource::new("count").max(9)),
                    ),
                    __vmstate::Field::new("last", <u8 as __vmstate::Wire>::FORM),
                ]
            });
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = __vmstate::walk::exclusive(
            &[
                <[Inner; 8] as __vmstate::items::Items>::EXCLUSIVE,
                <VecDeque<Inner> as __vmstate::items::Items>::EXCLUSIVE,
            ],
        );
        #[allow(unused_variables)]
        #[inline(never)]
        fn save_fields<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::save_elements(
                    &mut self.count,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "count",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_save(sink)
                    .and_then(|count| <Vec<
                        u16,
                    > as __vmstate::items::Items>::save(
                        &mut self.numbers,
                        count,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            1usize,
                        ),
                    )),
                "numbers",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, Self::EACH)
                    .to_save(sink)
                    .and_then(|count| <[Inner; 8] as __vmstate::items::Items>::save(
                        &mut self.front,
                        count,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            2usize,
                        ),
                    )),
                "front",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_save(sink)
                    .and_then(|count| <Vec<
                        usize,
                    > as __vmstate::items::ItemsBy<
                        __vmstate::As<u32>,
                    >>::save(
                        &mut self.sizes,
                        count,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            3usize,
                        ),
                    )),
                "sizes",
            )?;
            let count = __vmstate::InField::in_field(
                <VecDeque<
                    Inner,
                > as __vmstate::hidden::Growing>::save_count::<
                    u16,
                    _,
                >(
                    &self.more,
                    MORE,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        4usize,
                    ),
                ),
                "nmore",
            )?;
            __vmstate::InField::in_field(
                <VecDeque<
                    Inner,
                > as __vmstate::items::Items>::save(
                    &mut self.more,
                    count,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        5usize,
                    ),
                ),
                "more",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 4)
                    .to_save(sink)
                    .and_then(|count| <Vec<
                        u8,
                    > as __vmstate::items::Bytes>::save(
                        &mut self.bytes,
                        count,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            6usize,
                        ),
                    )),
                "bytes",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_save(sink)
                    .and_then(|count| <Vec<
                        u64,
                    > as __vmstate::bitmap::Words>::save(
                        &mut self.bits,
                        count,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            7usize,
                        ),
                    )),
                "bits",
            )?;
            __vmstate::InField::in_field(
                <[u64; 2] as __vmstate::bitmap::Words>::save(
                    &mut self.fixed_bits,
                    100,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        8usize,
                    ),
                ),
                "fixed_bits",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::ByteArray<
                    { 16 },
                > as __vmstate::Codec<
                    Vec<u8>,
                >>::save(
                    &mut self.own_length,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        9usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "own_length",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_save(sink)
                    .and_then(|count| __vmstate::unused::save_counted(
                        count,
                        3,
                        9,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            10usize,
                        ),
                    )),
                "unused",
            )?;
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::save_elements(
                    &mut self.last,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        11usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "last",
            )?;
            __vmstate::core::result::Result::Ok(())
        }
        #[allow(unused_variables)]
        #[inline(never)]
        fn share_fields<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::share_elements(
                    &self.count,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "count",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_save(sink)
                    .and_then(|count| <Vec<
                        u16,
                    > as __vmstate::items::Items>::share(
                        &self.numbers,
                        count,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            1usize,
                        ),
                    )),
                "numbers",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, Self::EACH)
                    .to_save(sink)
                    .and_then(|count| <[Inner; 8] as __vmstate::items::Items>::share(
                        &self.front,
                        count,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            2usize,
                        ),
                    )),
                "front",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_save(sink)
                    .and_then(|count| <Vec<
                        usize,
                    > as __vmstate::items::ItemsBy<
                        __vmstate::As<u32>,
                    >>::share(
                        &self.sizes,
                        count,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            3usize,
                        ),
                    )),
                "sizes",
            )?;
            let count = __vmstate::InField::in_field(
                <VecDeque<
                    Inner,
                > as __vmstate::hidden::Growing>::save_count::<
                    u16,
                    _,
                >(
                    &self.more,
                    MORE,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        4usize,
                    ),
                ),
                "nmore",
            )?;
            __vmstate::InField::in_field(
                <VecDeque<
                    Inner,
                > as __vmstate::items::Items>::share(
                    &self.more,
                    count,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        5usize,
                    ),
                ),
                "more",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 4)
                    .to_save(sink)
                    .and_then(|count| <Vec<
                        u8,
                    > as __vmstate::items::Bytes>::share(
                        &self.bytes,
                        count,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            6usize,
                        ),
                    )),
                "bytes",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_save(sink)
                    .and_then(|count| <Vec<
                        u64,
                    > as __vmstate::bitmap::Words>::save(
                        &self.bits,
                        count,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            7usize,
                        ),
                    )),
                "bits",
            )?;
            __vmstate::InField::in_field(
                <[u64; 2] as __vmstate::bitmap::Words>::save(
                    &self.fixed_bits,
                    100,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        8usize,
                    ),
                ),
                "fixed_bits",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::ByteArray<
                    { 16 },
                > as __vmstate::Codec<
                    Vec<u8>,
                >>::share(
                    &self.own_length,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        9usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "own_length",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_save(sink)
                    .and_then(|count| __vmstate::unused::save_counted(
                        count,
                        3,
                        9,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            10usize,
                        ),
                    )),
                "unused",
            )?;
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::share_elements(
                    &self.last,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        11usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "last",
            )?;
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
                <u8 as __vmstate::Wire>::load_elements(&mut self.count, reader),
                "count",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_load(
                        reader,
                        <Vec<u16> as __vmstate::items::Items>::CAPACITY,
                        __vmstate::core::option::Option::Some(64),
                    )
                    .and_then(|count| <Vec<
                        u16,
                    > as __vmstate::items::Items>::load(
                        &mut self.numbers,
                        count,
                        reader,
                    )),
                "numbers",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, Self::EACH)
                    .to_load(
                        reader,
                        <[Inner; 8] as __vmstate::items::Items>::CAPACITY,
                        __vmstate::core::option::Option::None,
                    )
                    .and_then(|count| <[Inner; 8] as __vmstate::items::Items>::load(
                        &mut self.front,
                        count,
                        reader,
                    )),
                "front",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_load(
                        reader,
                        <Vec<
                            usize,
                        > as __vmstate::items::ItemsBy<__vmstate::As<u32>>>::CAPACITY,
                        __vmstate::core::option::Option::Some(4),
                    )
                    .and_then(|count| <Vec<
                        usize,
                    > as __vmstate::items::ItemsBy<
                        __vmstate::As<u32>,
                    >>::load(&mut self.sizes, count, reader)),
                "sizes",
            )?;
            let count = __vmstate::InField::in_field(
                __vmstate::hidden::load::<u16>(reader),
                "nmore",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&count, 1)
                    .to_load(
                        reader,
                        <VecDeque<Inner> as __vmstate::items::Items>::CAPACITY,
                        __vmstate::core::option::Option::Some(MORE),
                    )
                    .and_then(|count| <VecDeque<
                        Inner,
                    > as __vmstate::items::Items>::load(&mut self.more, count, reader)),
                "more",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 4)
                    .to_load(
                        reader,
                        <Vec<u8> as __vmstate::items::Bytes>::CAPACITY,
                        __vmstate::core::option::Option::Some(256),
                    )
                    .and_then(|count| <Vec<
                        u8,
                    > as __vmstate::items::Bytes>::load(&mut self.bytes, count, reader)),
                "bytes",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_load(
                        reader,
                        <Vec<u64> as __vmstate::bitmap::Words>::CAPACITY,
                        __vmstate::core::option::Option::Some(512),
                    )
                    .and_then(|count| <Vec<
                        u64,
                    > as __vmstate::bitmap::Words>::load(&mut self.bits, count, reader)),
                "bits",
            )?;
            __vmstate::InField::in_field(
                <[u64; 2] as __vmstate::bitmap::Words>::load(
                    &mut self.fixed_bits,
                    100,
                    reader,
                ),
                "fixed_bits",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::ByteArray<
                    { 16 },
                > as __vmstate::Codec<Vec<u8>>>::load(&mut self.own_length, reader),
                "own_length",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_load(
                        reader,
                        __vmstate::core::option::Option::None,
                        __vmstate::core::option::Option::Some(9),
                    )
                    .and_then(|count| __vmstate::unused::load_counted(count, 3, reader)),
                "unused",
            )?;
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::load_elements(&mut self.last, reader),
                "last",
            )?;
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Counted {
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
            __vmstate::walk::newest_inherited(< Counted as __vmstate::VmState >
            ::DESCRIPTION.fields) <= < Counted as __vmstate::VmState > ::DESCRIPTION
            .version,
            "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Counted as __vmstate::VmState >
            ::DESCRIPTION.fields[2usize].form, < Counted as __vmstate::VmState >
            ::DESCRIPTION, 2usize, 12usize, < Counted as __vmstate::VmState >
            ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Counted as __vmstate::VmState >
            ::DESCRIPTION.fields[5usize].form, < Counted as __vmstate::VmState >
            ::DESCRIPTION, 5usize, 12usize, < Counted as __vmstate::VmState >
            ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
};
