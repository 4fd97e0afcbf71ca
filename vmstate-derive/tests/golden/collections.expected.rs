#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Containers {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Containers",
            )
            .fields(const {
                &[
                    __vmstate::Field::new(
                        "queue",
                        __vmstate::Form::new(
                                __vmstate::Kind::List(
                                    "qtailq",
                                    <VecDeque<Inner> as __vmstate::list::Structs>::ITEM,
                                ),
                                __vmstate::core::option::Option::None,
                            )
                            .limit(16),
                    ),
                    __vmstate::Field::new(
                        "list",
                        __vmstate::Form::new(
                                __vmstate::Kind::List(
                                    "qlist",
                                    <LinkedList<Inner> as __vmstate::list::Structs>::ITEM,
                                ),
                                __vmstate::core::option::Option::None,
                            )
                            .limit(16),
                    ),
                    __vmstate::Field::new(
                        "tree",
                        <BTreeMap<
                            Range,
                            Mapping,
                        > as __vmstate::tree::Tree<__vmstate::tree::Described>>::FORM
                            .limit(8),
                    ),
                    __vmstate::Field::new(
                        "direct",
                        <BTreeMap<
                            u32,
                            Mapping,
                        > as __vmstate::tree::Tree<__vmstate::tree::Direct>>::FORM
                            .limit(8),
                    ),
                    __vmstate::Field::new("count", <u32 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new(
                        "slots",
                        <[Option<Box<Inner>>; 4] as __vmstate::pointer::Slots>::ITEM
                            .times(
                                __vmstate::varray::length(
                                    <[Option<
                                        Box<Inner>,
                                    >; 4] as __vmstate::pointer::Slots>::CAPACITY,
                                ),
                            )
                            .behind(__vmstate::Pointers::Nullable),
                    ),
                    __vmstate::Field::new(
                        "marked",
                        <Vec<
                            Option<Box<Inner>>,
                        > as __vmstate::pointer::MarkedSlots>::ITEM
                            .counted(
                                __vmstate::varray::bounded(
                                    <Vec<
                                        Option<Box<Inner>>,
                                    > as __vmstate::pointer::MarkedSlots>::CAPACITY,
                                    __vmstate::CountSource::new("count").max(8),
                                ),
                            )
                            .behind(__vmstate::Pointers::Marked),
                    ),
                ]
            });
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = __vmstate::walk::exclusive(
            &[
                <VecDeque<Inner> as __vmstate::list::Structs>::EXCLUSIVE,
                <LinkedList<Inner> as __vmstate::list::Structs>::EXCLUSIVE,
                <BTreeMap<
                    Range,
                    Mapping,
                > as __vmstate::tree::Tree<__vmstate::tree::Described>>::EXCLUSIVE,
                <BTreeMap<
                    u32,
                    Mapping,
                > as __vmstate::tree::Tree<__vmstate::tree::Direct>>::EXCLUSIVE,
                <[Option<Box<Inner>>; 4] as __vmstate::pointer::Slots>::EXCLUSIVE,
                <Vec<Option<Box<Inner>>> as __vmstate::pointer::MarkedSlots>::EXCLUSIVE,
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
                <VecDeque<
                    Inner,
                > as __vmstate::list::Structs>::save(
                    &mut self.queue,
                    16,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                ),
                "queue",
            )?;
            __vmstate::InField::in_field(
                <LinkedList<
                    Inner,
                > as __vmstate::list::Structs>::save(
                    &mut self.list,
                    16,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                    ),
                ),
                "list",
            )?;
            __vmstate::InField::in_field(
                <BTreeMap<
                    Range,
                    Mapping,
                > as __vmstate::tree::Tree<
                    __vmstate::tree::Described,
                >>::save(
                    &mut self.tree,
                    8,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        2usize,
                    ),
                ),
                "tree",
            )?;
            __vmstate::InField::in_field(
                <BTreeMap<
                    u32,
                    Mapping,
                > as __vmstate::tree::Tree<
                    __vmstate::tree::Direct,
                >>::save(
                    &mut self.direct,
                    8,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        3usize,
                    ),
                ),
                "direct",
            )?;
            __vmstate::InField::in_field(
                <u32 as __vmstate::Wire>::save_elements(
                    &mut self.count,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        4usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "count",
            )?;
            __vmstate::InField::in_field(
                <[Option<
                    Box<Inner>,
                >; 4] as __vmstate::pointer::Slots>::save(
                    &mut self.slots,
                    <[Option<Box<Inner>>; 4] as __vmstate::pointer::Slots>::CAPACITY
                        .unwrap_or(0),
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        5usize,
                    ),
                ),
                "slots",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_save(sink)
                    .and_then(|count| <Vec<
                        Option<Box<Inner>>,
                    > as __vmstate::pointer::MarkedSlots>::save(
                        &mut self.marked,
                        count,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            6usize,
                        ),
                    )),
                "marked",
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
                <VecDeque<
                    Inner,
                > as __vmstate::list::Structs>::share(
                    &self.queue,
                    16,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                ),
                "queue",
            )?;
            __vmstate::InField::in_field(
                <LinkedList<
                    Inner,
                > as __vmstate::list::Structs>::share(
                    &self.list,
                    16,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                    ),
                ),
                "list",
            )?;
            __vmstate::InField::in_field(
                <BTreeMap<
                    Range,
                    Mapping,
                > as __vmstate::tree::Tree<
                    __vmstate::tree::Described,
                >>::share(
                    &self.tree,
                    8,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        2usize,
                    ),
                ),
                "tree",
            )?;
            __vmstate::InField::in_field(
                <BTreeMap<
                    u32,
                    Mapping,
                > as __vmstate::tree::Tree<
                    __vmstate::tree::Direct,
                >>::share(
                    &self.direct,
                    8,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        3usize,
                    ),
                ),
                "direct",
            )?;
            __vmstate::InField::in_field(
                <u32 as __vmstate::Wire>::share_elements(
                    &self.count,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        4usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "count",
            )?;
            __vmstate::InField::in_field(
                <[Option<
                    Box<Inner>,
                >; 4] as __vmstate::pointer::Slots>::share(
                    &self.slots,
                    <[Option<Box<Inner>>; 4] as __vmstate::pointer::Slots>::CAPACITY
                        .unwrap_or(0),
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        5usize,
                    ),
                ),
                "slots",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_save(sink)
                    .and_then(|count| <Vec<
                        Option<Box<Inner>>,
                    > as __vmstate::pointer::MarkedSlots>::share(
                        &self.marked,
                        count,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            6usize,
                        ),
                    )),
                "marked",
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
                <VecDeque<
                    Inner,
                > as __vmstate::list::Structs>::load(
                    &mut self.queue,
                    16,
                    __vmstate::walk::nested_version(
                        <VecDeque<Inner> as __vmstate::list::Structs>::ITEM,
                        reader.version(),
                    ),
                    reader,
                ),
                "queue",
            )?;
            __vmstate::InField::in_field(
                <LinkedList<
                    Inner,
                > as __vmstate::list::Structs>::load(&mut self.list, 16, 2u32, reader),
                "list",
            )?;
            __vmstate::InField::in_field(
                <BTreeMap<
                    Range,
                    Mapping,
                > as __vmstate::tree::Tree<
                    __vmstate::tree::Described,
                >>::load(
                    &mut self.tree,
                    8,
                    <BTreeMap<
                        Range,
                        Mapping,
                    > as __vmstate::tree::Tree<
                        __vmstate::tree::Described,
                    >>::version(reader.version()),
                    reader,
                ),
                "tree",
            )?;
            __vmstate::InField::in_field(
                <BTreeMap<
                    u32,
                    Mapping,
                > as __vmstate::tree::Tree<
                    __vmstate::tree::Direct,
                >>::load(&mut self.direct, 8, 1u32, reader),
                "direct",
            )?;
            __vmstate::InField::in_field(
                <u32 as __vmstate::Wire>::load_elements(&mut self.count, reader),
                "count",
            )?;
            __vmstate::InField::in_field(
                <[Option<
                    Box<Inner>,
                >; 4] as __vmstate::pointer::Slots>::load(
                    &mut self.slots,
                    <[Option<Box<Inner>>; 4] as __vmstate::pointer::Slots>::CAPACITY
                        .unwrap_or(0),
                    reader,
                ),
                "slots",
            )?;
            __vmstate::InField::in_field(
                __vmstate::varray::number(&self.count, 1)
                    .to_load(
                        reader,
                        <Vec<
                            Option<Box<Inner>>,
                        > as __vmstate::pointer::MarkedSlots>::CAPACITY,
                        __vmstate::core::option::Option::Some(8),
                    )
                    .and_then(|count| <Vec<
                        Option<Box<Inner>>,
                    > as __vmstate::pointer::MarkedSlots>::load(
                        &mut self.marked,
                        count,
                        reader,
                    )),
                "marked",
            )?;
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Containers {
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
            __vmstate::walk::newest_inherited(< Containers as __vmstate::VmState >
            ::DESCRIPTION.fields) <= < Containers as __vmstate::VmState > ::DESCRIPTION
            .version,
            "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Containers as __vmstate::VmState >
            ::DESCRIPTION.fields[2usize].form, < Containers as __vmstate::VmState >
            ::DESCRIPTION, 2usize, 7usize, < Containers as __vmstate::VmState >
            ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Containers as __vmstate::VmState >
            ::DESCRIPTION.fields[5usize].form, < Containers as __vmstate::VmState >
            ::DESCRIPTION, 5usize, 7usize, < Containers as __vmstate::VmState >
            ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Containers as __vmstate::VmState >
            ::DESCRIPTION.fields[6usize].form, < Containers as __vmstate::VmState >
            ::DESCRIPTION, 6usize, 7usize, < Containers as __vmstate::VmState >
            ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            < BTreeMap < Range, Mapping > as __vmstate::tree::Tree <
            __vmstate::tree::Described >> ::AGREES,
            "the keys and values of this tree have different versions, but a tree loads at a single one; \
                 give both types the same `version`"
        );
    };
};
