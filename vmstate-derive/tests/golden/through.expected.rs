#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl<T> __vmstate::VmState for Device<T>
    where
        T: __vmstate::Wire,
    {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Device",
            )
            .fields(const {
                &[
                    __vmstate::Field::new("random", <u32 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new(
                            "memory",
                            <Sequence<16> as __vmstate::Codec<Vec<T>>>::FORM,
                        )
                        .since(1u32),
                    __vmstate::Field::new("first", <T as __vmstate::Wire>::FORM),
                ]
            });
        #[allow(unused_variables)]
        #[inline]
        fn share_fields<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            const {
                __vmstate::core::assert!(
                    __vmstate::walk::newest_inherited(< Self as __vmstate::VmState >
                    ::DESCRIPTION.fields) <= < Self as __vmstate::VmState > ::DESCRIPTION
                    .version,
                    "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
                );
                __vmstate::core::assert!(
                    ! __vmstate::walk::is_ambiguous(< Self as __vmstate::VmState >
                    ::DESCRIPTION.fields[1usize].form, < Self as __vmstate::VmState >
                    ::DESCRIPTION, 1usize, 3usize, < Self as __vmstate::VmState >
                    ::DESCRIPTION.subsections),
                    "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
                );
                __vmstate::core::assert!(
                    ! __vmstate::walk::is_ambiguous(< Self as __vmstate::VmState >
                    ::DESCRIPTION.fields[2usize].form, < Self as __vmstate::VmState >
                    ::DESCRIPTION, 2usize, 3usize, < Self as __vmstate::VmState >
                    ::DESCRIPTION.subsections),
                    "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
                );
            }
            __vmstate::InField::in_field(
                __vmstate::through::save::<
                    Self,
                    u32,
                    _,
                >(
                    &*self,
                    Self::seed,
                    sink,
                    |value, sink| <u32 as __vmstate::Wire>::save_elements(
                        value,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            0usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                ),
                "random",
            )?;
            if version >= 1u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    __vmstate::through::save::<
                        Self,
                        Vec<T>,
                        _,
                    >(
                        &*self,
                        |dev: &Self| dev.ram(),
                        sink,
                        |value, sink| <Sequence<
                            16,
                        > as __vmstate::Codec<
                            Vec<T>,
                        >>::save(
                            value,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                1usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                    ),
                    "memory",
                )?;
            }
            __vmstate::InField::in_field(
                __vmstate::through::save::<
                    Self,
                    T,
                    _,
                >(
                    &*self,
                    Self::first,
                    sink,
                    |value, sink| <T as __vmstate::Wire>::save_elements(
                        value,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            2usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                ),
                "first",
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
                __vmstate::through::load::<
                    Self,
                    u32,
                    _,
                >(
                    &mut *self,
                    Self::seed,
                    reader,
                    |value, reader| <u32 as __vmstate::Wire>::load_elements(
                        value,
                        reader,
                    ),
                    Self::reseed,
                ),
                "random",
            )?;
            if version >= 1u32 || reader.is_checkpoint() {
                __vmstate::InField::in_field(
                    __vmstate::through::load::<
                        Self,
                        Vec<T>,
                        _,
                    >(
                        &mut *self,
                        |dev: &Self| dev.ram(),
                        reader,
                        |value, reader| <Sequence<
                            16,
                        > as __vmstate::Codec<Vec<T>>>::load(value, reader),
                        |dev: &mut Self, ram: Vec<T>| dev.set_ram(ram),
                    ),
                    "memory",
                )?;
            }
            __vmstate::InField::in_field(
                __vmstate::through::load::<
                    Self,
                    T,
                    _,
                >(
                    &mut *self,
                    Self::first,
                    reader,
                    |value, reader| <T as __vmstate::Wire>::load_elements(value, reader),
                    Self::set_first,
                ),
                "first",
            )?;
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl<T> __vmstate::Wire for Device<T>
    where
        T: __vmstate::Wire,
    {
        const FORM: __vmstate::Form = __vmstate::Form::structure(
            <Self as __vmstate::VmState>::DESCRIPTION,
        );
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
};
