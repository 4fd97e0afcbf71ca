#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Device {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "dev",
            )
            .versions(2u32, 1u32)
            .fields(const {
                &[
                    __vmstate::Field::new(
                        "a",
                        <Part as __vmstate::inline::Inline>::FORM,
                    ),
                    __vmstate::Field::new(
                            "b.part",
                            <Part as __vmstate::inline::Inline>::FORM,
                        )
                        .since(2u32),
                ]
            });
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = __vmstate::walk::exclusive(
            &[<Part as __vmstate::inline::Inline>::EXCLUSIVE],
        );
        #[allow(unused_variables)]
        #[inline]
        fn save_fields<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::InField::in_field(
                <Part as __vmstate::inline::Inline>::save(
                    &mut self.a,
                    version,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                ),
                "a",
            )?;
            if version >= 2u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    <Part as __vmstate::inline::Inline>::save(
                        &mut self.b,
                        version,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            1usize,
                        ),
                    ),
                    "b.part",
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
            __vmstate::InField::in_field(
                <Part as __vmstate::inline::Inline>::share(
                    &self.a,
                    version,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                ),
                "a",
            )?;
            if version >= 2u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    <Part as __vmstate::inline::Inline>::share(
                        &self.b,
                        version,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            1usize,
                        ),
                    ),
                    "b.part",
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
                <Part as __vmstate::inline::Inline>::load(&mut self.a, version, reader),
                "a",
            )?;
            if version >= 2u32 || reader.is_checkpoint() {
                __vmstate::InField::in_field(
                    <Part as __vmstate::inline::Inline>::load(
                        &mut self.b,
                        version,
                        reader,
                    ),
                    "b.part",
                )?;
            } else {
                self.b = <Part as __vmstate::core::default::Default>::default();
            }
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Device {
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
            __vmstate::walk::newest_inherited(< Device as __vmstate::VmState >
            ::DESCRIPTION.fields) <= < Device as __vmstate::VmState > ::DESCRIPTION
            .version,
            "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Device as __vmstate::VmState >
            ::DESCRIPTION.fields[0usize].form, < Device as __vmstate::VmState >
            ::DESCRIPTION, 0usize, 2usize, < Device as __vmstate::VmState > ::DESCRIPTION
            .subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Device as __vmstate::VmState >
            ::DESCRIPTION.fields[1usize].form, < Device as __vmstate::VmState >
            ::DESCRIPTION, 1usize, 2usize, < Device as __vmstate::VmState > ::DESCRIPTION
            .subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            < Part as __vmstate::inline::Inline > ::HAS_ONLY_FIELDS,
            "`inline` requires a struct with only fields: hooks, subsections and `needed` belong on this struct; \
                 for `since` and `until`, which refer to the version of this struct, add \
                 `#[vmstate(versions = parent)]` to its type"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            < Part as __vmstate::inline::Inline > ::HAS_ONLY_FIELDS,
            "`inline` requires a struct with only fields: hooks, subsections and `needed` belong on this struct; \
                 for `since` and `until`, which refer to the version of this struct, add \
                 `#[vmstate(versions = parent)]` to its type"
        );
    };
};
