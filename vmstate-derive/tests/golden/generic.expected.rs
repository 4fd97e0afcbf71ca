#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use renamed::__private as __vmstate;
    #[automatically_derived]
    impl<'a, T: Wire, const N: usize> __vmstate::VmState for Generic<'a, T, N>
    where
        T: Copy,
    {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Generic",
            )
            .fields(const {
                &[
                    __vmstate::Field::new("values", <[T; N] as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("words", <[u16; N] as __vmstate::Wire>::FORM),
                ]
            });
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = __vmstate::walk::exclusive(
            &[<[T; N] as __vmstate::Wire>::EXCLUSIVE],
        );
        #[allow(unused_variables)]
        #[inline]
        fn save_fields<__S: __vmstate::Sink>(
            &mut self,
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
                    ::DESCRIPTION.fields[0usize].form, < Self as __vmstate::VmState >
                    ::DESCRIPTION, 0usize, 2usize, < Self as __vmstate::VmState >
                    ::DESCRIPTION.subsections),
                    "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
                );
            }
            {
                let blocks = const {
                    __vmstate::walk::blocks::<
                        2usize,
                    >(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                        &[(0usize, <[T; N] as __vmstate::Wire>::FIXED)],
                    )
                };
                let mut out = __vmstate::Sink::reserve(sink, blocks[0].size);
                if const { <[T; N] as __vmstate::Wire>::FIXED.is_some() } {
                    out = <[T; N] as __vmstate::Wire>::put_front(&self.values, out);
                } else {
                    __vmstate::walk::end_block(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[0usize],
                    );
                    __vmstate::InField::in_field(
                        <[T; N] as __vmstate::Wire>::save_elements(
                            &mut self.values,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                0usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "values",
                    )?;
                    out = __vmstate::Sink::reserve(sink, blocks[1usize].size);
                }
                out = <[u16; N] as __vmstate::Wire>::put_front(&self.words, out);
                __vmstate::walk::end_block(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    &blocks[1usize],
                );
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
            const {
                __vmstate::core::assert!(
                    __vmstate::walk::newest_inherited(< Self as __vmstate::VmState >
                    ::DESCRIPTION.fields) <= < Self as __vmstate::VmState > ::DESCRIPTION
                    .version,
                    "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
                );
                __vmstate::core::assert!(
                    ! __vmstate::walk::is_ambiguous(< Self as __vmstate::VmState >
                    ::DESCRIPTION.fields[0usize].form, < Self as __vmstate::VmState >
                    ::DESCRIPTION, 0usize, 2usize, < Self as __vmstate::VmState >
                    ::DESCRIPTION.subsections),
                    "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
                );
            }
            {
                let blocks = const {
                    __vmstate::walk::blocks::<
                        2usize,
                    >(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                        &[(0usize, <[T; N] as __vmstate::Wire>::FIXED)],
                    )
                };
                let mut out = __vmstate::Sink::reserve(sink, blocks[0].size);
                if const { <[T; N] as __vmstate::Wire>::FIXED.is_some() } {
                    out = <[T; N] as __vmstate::Wire>::put_front(&self.values, out);
                } else {
                    __vmstate::walk::end_block(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[0usize],
                    );
                    __vmstate::InField::in_field(
                        <[T; N] as __vmstate::Wire>::share_elements(
                            &self.values,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                0usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "values",
                    )?;
                    out = __vmstate::Sink::reserve(sink, blocks[1usize].size);
                }
                out = <[u16; N] as __vmstate::Wire>::put_front(&self.words, out);
                __vmstate::walk::end_block(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    &blocks[1usize],
                );
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
            {
                let blocks = const {
                    __vmstate::walk::blocks::<
                        2usize,
                    >(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                        &[(0usize, <[T; N] as __vmstate::Wire>::FIXED)],
                    )
                };
                let mut from = __vmstate::walk::load_block(
                    reader,
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    &blocks[0],
                )?;
                if const { <[T; N] as __vmstate::Wire>::FIXED.is_some() } {
                    from = <[T; N] as __vmstate::Wire>::get_front(
                        &mut self.values,
                        from,
                    );
                } else {
                    __vmstate::InField::in_field(
                        <[T; N] as __vmstate::Wire>::load_elements(
                            &mut self.values,
                            reader,
                        ),
                        "values",
                    )?;
                    from = __vmstate::walk::load_block(
                        reader,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[1usize],
                    )?;
                }
                from = <[u16; N] as __vmstate::Wire>::get_front(&mut self.words, from);
            }
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl<'a, T: Wire, const N: usize> __vmstate::Wire for Generic<'a, T, N>
    where
        T: Copy,
    {
        const FORM: __vmstate::Form = __vmstate::Form::structure(
            <Self as __vmstate::VmState>::DESCRIPTION,
        );
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = <Self as __vmstate::VmState>::EXCLUSIVE;
        const FIXED: __vmstate::core::option::Option<usize> = __vmstate::walk::sum(
            &[<[T; N] as __vmstate::Wire>::FIXED, <[u16; N] as __vmstate::Wire>::FIXED],
        );
        #[inline]
        #[allow(unused_variables)]
        fn put(&self, out: &mut [u8]) {
            let out = <[T; N] as __vmstate::Wire>::put_front(&self.values, out);
            let out = <[u16; N] as __vmstate::Wire>::put_front(&self.words, out);
        }
        #[inline]
        #[allow(unused_variables)]
        fn get(&mut self, from: &[u8]) {
            let from = <[T; N] as __vmstate::Wire>::get_front(&mut self.values, from);
            let from = <[u16; N] as __vmstate::Wire>::get_front(&mut self.words, from);
        }
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
};
