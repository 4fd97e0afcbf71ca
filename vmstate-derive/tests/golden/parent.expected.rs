#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Nested {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Nested",
            )
            .versions(5u32, 1u32)
            .fields(const {
                &[
                    __vmstate::Field::new("added", <u8 as __vmstate::Wire>::FORM)
                        .since(3u32),
                    __vmstate::Field::new(
                            "part",
                            __vmstate::versioned::form(
                                <Part as __vmstate::versioned::Versioned>::STRUCT,
                                <Part as __vmstate::versioned::Versioned>::COUNT,
                                1u32,
                            ),
                        )
                        .until(2u32),
                    __vmstate::Field::new(
                            "part",
                            __vmstate::versioned::form(
                                <Part as __vmstate::versioned::Versioned>::STRUCT,
                                <Part as __vmstate::versioned::Versioned>::COUNT,
                                2u32,
                            ),
                        )
                        .since(3u32)
                        .until(4u32),
                    __vmstate::Field::new("part", <Part as __vmstate::Wire>::FORM)
                        .since(5u32),
                ]
            })
            .inherits();
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = __vmstate::walk::exclusive(
            &[
                <Part as __vmstate::versioned::Versioned>::EXCLUSIVE,
                <Part as __vmstate::Wire>::EXCLUSIVE,
            ],
        );
        #[allow(unused_variables)]
        #[inline]
        fn save_fields<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            if version >= 3u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    <u8 as __vmstate::Wire>::save_elements(
                        &mut self.added,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            0usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "added",
                )?;
            }
            if !__vmstate::Sink::out(sink).is_checkpoint() && version <= 2u32 {
                __vmstate::InField::in_field(
                    <Part as __vmstate::versioned::Versioned>::save(
                        &mut self.part,
                        1u32,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            1usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "part",
                )?;
            }
            if !__vmstate::Sink::out(sink).is_checkpoint()
                && (3u32..=4u32).contains(&version)
            {
                __vmstate::InField::in_field(
                    <Part as __vmstate::versioned::Versioned>::save(
                        &mut self.part,
                        2u32,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            2usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "part",
                )?;
            }
            if version >= 5u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    <Part as __vmstate::Wire>::save_elements(
                        &mut self.part,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            3usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "part",
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
            if version >= 3u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    <u8 as __vmstate::Wire>::share_elements(
                        &self.added,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            0usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "added",
                )?;
            }
            if !__vmstate::Sink::out(sink).is_checkpoint() && version <= 2u32 {
                __vmstate::InField::in_field(
                    <Part as __vmstate::versioned::Versioned>::share(
                        &self.part,
                        1u32,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            1usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "part",
                )?;
            }
            if !__vmstate::Sink::out(sink).is_checkpoint()
                && (3u32..=4u32).contains(&version)
            {
                __vmstate::InField::in_field(
                    <Part as __vmstate::versioned::Versioned>::share(
                        &self.part,
                        2u32,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            2usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "part",
                )?;
            }
            if version >= 5u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    <Part as __vmstate::Wire>::share_elements(
                        &self.part,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            3usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "part",
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
            if version >= 3u32 || reader.is_checkpoint() {
                __vmstate::InField::in_field(
                    <u8 as __vmstate::Wire>::load_elements(&mut self.added, reader),
                    "added",
                )?;
            }
            if !reader.is_checkpoint() && version <= 2u32 {
                __vmstate::InField::in_field(
                    <Part as __vmstate::versioned::Versioned>::load(
                        &mut self.part,
                        1u32,
                        reader,
                    ),
                    "part",
                )?;
            }
            if !reader.is_checkpoint() && (3u32..=4u32).contains(&version) {
                __vmstate::InField::in_field(
                    <Part as __vmstate::versioned::Versioned>::load(
                        &mut self.part,
                        2u32,
                        reader,
                    ),
                    "part",
                )?;
            }
            if version >= 5u32 || reader.is_checkpoint() {
                __vmstate::InField::in_field(
                    <Part as __vmstate::Wire>::load_elements(&mut self.part, reader),
                    "part",
                )?;
            }
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Nested {
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
            ! __vmstate::walk::is_ambiguous(< Nested as __vmstate::VmState >
            ::DESCRIPTION.fields[1usize].form, < Nested as __vmstate::VmState >
            ::DESCRIPTION, 1usize, 4usize, < Nested as __vmstate::VmState > ::DESCRIPTION
            .subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Nested as __vmstate::VmState >
            ::DESCRIPTION.fields[2usize].form, < Nested as __vmstate::VmState >
            ::DESCRIPTION, 2usize, 4usize, < Nested as __vmstate::VmState > ::DESCRIPTION
            .subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Nested as __vmstate::VmState >
            ::DESCRIPTION.fields[3usize].form, < Nested as __vmstate::VmState >
            ::DESCRIPTION, 3usize, 4usize, < Nested as __vmstate::VmState > ::DESCRIPTION
            .subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
};
