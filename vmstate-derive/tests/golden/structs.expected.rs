#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Structs {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Structs",
            )
            .fields(const {
                &[
                    __vmstate::Field::new(
                        "old",
                        __vmstate::versioned::form(
                            <Inner as __vmstate::versioned::Versioned>::STRUCT,
                            <Inner as __vmstate::versioned::Versioned>::COUNT,
                            2u32,
                        ),
                    ),
                    __vmstate::Field::new(
                        "older",
                        __vmstate::versioned::form(
                            <[Inner; 2] as __vmstate::versioned::Versioned>::STRUCT,
                            <[Inner; 2] as __vmstate::versioned::Versioned>::COUNT,
                            3u32,
                        ),
                    ),
                    __vmstate::Field::new(
                        "diff",
                        __vmstate::Form::new(
                            __vmstate::Kind::Temporary(
                                <Diff as __vmstate::tmp::TemporaryForm<Self>>::TEMPORARY,
                            ),
                            __vmstate::core::option::Option::None,
                        ),
                    ),
                    __vmstate::Field::new(
                        "virtio",
                        <Inner as __vmstate::Wire>::FORM.opaque("virtio"),
                    ),
                    __vmstate::Field::new(
                        "mirrored",
                        <Each<Mirror> as __vmstate::Codec<[other::Foreign; 2]>>::FORM,
                    ),
                    __vmstate::Field::new("flags", <u32 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new(
                        "sets",
                        <u8 as __vmstate::Wire>::FORM.times(3).times(2),
                    ),
                    __vmstate::Field::new(
                        "size",
                        <__vmstate::As<u32> as __vmstate::Codec<usize>>::FORM,
                    ),
                ]
            });
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = __vmstate::walk::exclusive(
            &[
                <Inner as __vmstate::versioned::Versioned>::EXCLUSIVE,
                <[Inner; 2] as __vmstate::versioned::Versioned>::EXCLUSIVE,
                <Inner as __vmstate::Wire>::EXCLUSIVE,
                <Each<Mirror> as __vmstate::Codec<[other::Foreign; 2]>>::EXCLUSIVE,
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
                <Inner as __vmstate::versioned::Versioned>::save(
                    &mut self.old,
                    2u32,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "old",
            )?;
            __vmstate::InField::in_field(
                <[Inner; 2] as __vmstate::versioned::Versioned>::save(
                    &mut self.older,
                    3u32,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "older",
            )?;
            __vmstate::InField::in_field(
                <Diff as __vmstate::tmp::TemporaryForm<
                    Self,
                >>::save(
                    &*self,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        2usize,
                    ),
                ),
                "diff",
            )?;
            __vmstate::InField::in_field(
                __vmstate::opaque::save(
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        3usize,
                    ),
                    |sink| <Inner as __vmstate::Wire>::save_elements(
                        &mut self.virtio,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            3usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                ),
                "virtio",
            )?;
            __vmstate::InField::in_field(
                <Each<
                    Mirror,
                > as __vmstate::Codec<
                    [other::Foreign; 2],
                >>::save(
                    &mut self.mirrored,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        4usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "mirrored",
            )?;
            __vmstate::InField::in_field(
                __vmstate::bits::save(
                    __vmstate::core::slice::from_ref(&mut self.flags),
                    |set: &Flags| -> u32 { set.bits() },
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        5usize,
                    ),
                ),
                "flags",
            )?;
            __vmstate::InField::in_field(
                __vmstate::bits::save(
                    (&mut self.sets).as_slice().as_flattened(),
                    |set: &Flags| -> u8 { set.bits() },
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        6usize,
                    ),
                ),
                "sets",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::As<
                    u32,
                > as __vmstate::Codec<
                    usize,
                >>::save(
                    &mut self.size,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        7usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "size",
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
                <Inner as __vmstate::versioned::Versioned>::share(
                    &self.old,
                    2u32,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "old",
            )?;
            __vmstate::InField::in_field(
                <[Inner; 2] as __vmstate::versioned::Versioned>::share(
                    &self.older,
                    3u32,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "older",
            )?;
            __vmstate::InField::in_field(
                <Diff as __vmstate::tmp::TemporaryForm<
                    Self,
                >>::save(
                    &*self,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        2usize,
                    ),
                ),
                "diff",
            )?;
            __vmstate::InField::in_field(
                __vmstate::opaque::save(
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        3usize,
                    ),
                    |sink| <Inner as __vmstate::Wire>::share_elements(
                        &self.virtio,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            3usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                ),
                "virtio",
            )?;
            __vmstate::InField::in_field(
                <Each<
                    Mirror,
                > as __vmstate::Codec<
                    [other::Foreign; 2],
                >>::share(
                    &self.mirrored,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        4usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "mirrored",
            )?;
            __vmstate::InField::in_field(
                __vmstate::bits::save(
                    __vmstate::core::slice::from_ref(&self.flags),
                    |set: &Flags| -> u32 { set.bits() },
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        5usize,
                    ),
                ),
                "flags",
            )?;
            __vmstate::InField::in_field(
                __vmstate::bits::save(
                    (&self.sets).as_slice().as_flattened(),
                    |set: &Flags| -> u8 { set.bits() },
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        6usize,
                    ),
                ),
                "sets",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::As<
                    u32,
                > as __vmstate::Codec<
                    usize,
                >>::share(
                    &self.size,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        7usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "size",
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
                <Inner as __vmstate::versioned::Versioned>::load(
                    &mut self.old,
                    2u32,
                    reader,
                ),
                "old",
            )?;
            __vmstate::InField::in_field(
                <[Inner; 2] as __vmstate::versioned::Versioned>::load(
                    &mut self.older,
                    3u32,
                    reader,
                ),
                "older",
            )?;
            __vmstate::InField::in_field(
                <Diff as __vmstate::tmp::TemporaryForm<Self>>::load(&mut *self, reader),
                "diff",
            )?;
            __vmstate::InField::in_field(
                <Inner as __vmstate::Wire>::load_elements(&mut self.virtio, reader),
                "virtio",
            )?;
            __vmstate::InField::in_field(
                <Each<
                    Mirror,
                > as __vmstate::Codec<
                    [other::Foreign; 2],
                >>::load(&mut self.mirrored, reader),
                "mirrored",
            )?;
            __vmstate::InField::in_field(
                __vmstate::bits::load(
                    &mut self.flags,
                    |set: &Flags| set.bits(),
                    <Flags>::from_bits,
                    reader,
                ),
                "flags",
            )?;
            __vmstate::InField::in_field(
                __vmstate::bits::load_each(
                    (&mut self.sets).as_mut_slice().as_flattened_mut(),
                    |set: &Flags| set.bits(),
                    <Flags>::from_bits,
                    reader,
                ),
                "sets",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::As<
                    u32,
                > as __vmstate::Codec<usize>>::load(&mut self.size, reader),
                "size",
            )?;
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Structs {
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
            __vmstate::walk::newest_inherited(< Structs as __vmstate::VmState >
            ::DESCRIPTION.fields) <= < Structs as __vmstate::VmState > ::DESCRIPTION
            .version,
            "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Structs as __vmstate::VmState >
            ::DESCRIPTION.fields[0usize].form, < Structs as __vmstate::VmState >
            ::DESCRIPTION, 0usize, 8usize, < Structs as __vmstate::VmState >
            ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Structs as __vmstate::VmState >
            ::DESCRIPTION.fields[1usize].form, < Structs as __vmstate::VmState >
            ::DESCRIPTION, 1usize, 8usize, < Structs as __vmstate::VmState >
            ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Structs as __vmstate::VmState >
            ::DESCRIPTION.fields[2usize].form, < Structs as __vmstate::VmState >
            ::DESCRIPTION, 2usize, 8usize, < Structs as __vmstate::VmState >
            ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Inner as __vmstate::Wire > ::FORM, <
            Structs as __vmstate::VmState > ::DESCRIPTION, 3usize, 8usize, < Structs as
            __vmstate::VmState > ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Structs as __vmstate::VmState >
            ::DESCRIPTION.fields[4usize].form, < Structs as __vmstate::VmState >
            ::DESCRIPTION, 4usize, 8usize, < Structs as __vmstate::VmState >
            ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
};
