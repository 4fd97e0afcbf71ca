#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Outer {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "outer",
            )
            .versions(3u32, 2u32)
            .fields(const {
                &[
                    __vmstate::Field::new("a", <u8 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("inner", <Inner as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("more", <[Inner; 2] as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("b", <u32 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("c", <u32 as __vmstate::Wire>::FORM),
                ]
            });
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = __vmstate::walk::exclusive(
            &[
                <Inner as __vmstate::Wire>::EXCLUSIVE,
                <[Inner; 2] as __vmstate::Wire>::EXCLUSIVE,
            ],
        );
        #[allow(unused_variables)]
        #[inline]
        fn save_fields<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            {
                let blocks = const {
                    __vmstate::walk::blocks::<
                        5usize,
                    >(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                        &[
                            (1usize, <Inner as __vmstate::Wire>::FIXED),
                            (2usize, <[Inner; 2] as __vmstate::Wire>::FIXED),
                        ],
                    )
                };
                let mut out = __vmstate::Sink::reserve(sink, blocks[0].size);
                out = <u8 as __vmstate::Wire>::put_front(&self.a, out);
                if const { <Inner as __vmstate::Wire>::FIXED.is_some() } {
                    out = <Inner as __vmstate::Wire>::put_front(&self.inner, out);
                } else {
                    __vmstate::walk::end_block(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[1usize],
                    );
                    __vmstate::InField::in_field(
                        <Inner as __vmstate::Wire>::save_elements(
                            &mut self.inner,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                1usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "inner",
                    )?;
                    out = __vmstate::Sink::reserve(sink, blocks[2usize].size);
                }
                if const { <[Inner; 2] as __vmstate::Wire>::FIXED.is_some() } {
                    out = <[Inner; 2] as __vmstate::Wire>::put_front(&self.more, out);
                } else {
                    __vmstate::walk::end_block(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[2usize],
                    );
                    __vmstate::InField::in_field(
                        <[Inner; 2] as __vmstate::Wire>::save_elements(
                            &mut self.more,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                2usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "more",
                    )?;
                    out = __vmstate::Sink::reserve(sink, blocks[3usize].size);
                }
                out = <u32 as __vmstate::Wire>::put_front(&self.b, out);
                out = <u32 as __vmstate::Wire>::put_front(&self.c, out);
                __vmstate::walk::end_block(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    &blocks[4usize],
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
            {
                let blocks = const {
                    __vmstate::walk::blocks::<
                        5usize,
                    >(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                        &[
                            (1usize, <Inner as __vmstate::Wire>::FIXED),
                            (2usize, <[Inner; 2] as __vmstate::Wire>::FIXED),
                        ],
                    )
                };
                let mut out = __vmstate::Sink::reserve(sink, blocks[0].size);
                out = <u8 as __vmstate::Wire>::put_front(&self.a, out);
                if const { <Inner as __vmstate::Wire>::FIXED.is_some() } {
                    out = <Inner as __vmstate::Wire>::put_front(&self.inner, out);
                } else {
                    __vmstate::walk::end_block(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[1usize],
                    );
                    __vmstate::InField::in_field(
                        <Inner as __vmstate::Wire>::share_elements(
                            &self.inner,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                1usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "inner",
                    )?;
                    out = __vmstate::Sink::reserve(sink, blocks[2usize].size);
                }
                if const { <[Inner; 2] as __vmstate::Wire>::FIXED.is_some() } {
                    out = <[Inner; 2] as __vmstate::Wire>::put_front(&self.more, out);
                } else {
                    __vmstate::walk::end_block(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[2usize],
                    );
                    __vmstate::InField::in_field(
                        <[Inner; 2] as __vmstate::Wire>::share_elements(
                            &self.more,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                2usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "more",
                    )?;
                    out = __vmstate::Sink::reserve(sink, blocks[3usize].size);
                }
                out = <u32 as __vmstate::Wire>::put_front(&self.b, out);
                out = <u32 as __vmstate::Wire>::put_front(&self.c, out);
                __vmstate::walk::end_block(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    &blocks[4usize],
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
                        5usize,
                    >(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                        &[
                            (1usize, <Inner as __vmstate::Wire>::FIXED),
                            (2usize, <[Inner; 2] as __vmstate::Wire>::FIXED),
                        ],
                    )
                };
                let mut from = __vmstate::walk::load_block(
                    reader,
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    &blocks[0],
                )?;
                from = <u8 as __vmstate::Wire>::get_front(&mut self.a, from);
                if const { <Inner as __vmstate::Wire>::FIXED.is_some() } {
                    from = <Inner as __vmstate::Wire>::get_front(&mut self.inner, from);
                } else {
                    __vmstate::InField::in_field(
                        <Inner as __vmstate::Wire>::load_elements(
                            &mut self.inner,
                            reader,
                        ),
                        "inner",
                    )?;
                    from = __vmstate::walk::load_block(
                        reader,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[2usize],
                    )?;
                }
                if const { <[Inner; 2] as __vmstate::Wire>::FIXED.is_some() } {
                    from = <[Inner; 2] as __vmstate::Wire>::get_front(
                        &mut self.more,
                        from,
                    );
                } else {
                    __vmstate::InField::in_field(
                        <[Inner; 2] as __vmstate::Wire>::load_elements(
                            &mut self.more,
                            reader,
                        ),
                        "more",
                    )?;
                    from = __vmstate::walk::load_block(
                        reader,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[3usize],
                    )?;
                }
                from = <u32 as __vmstate::Wire>::get_front(&mut self.b, from);
                from = <u32 as __vmstate::Wire>::get_front(&mut self.c, from);
            }
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Outer {
        const FORM: __vmstate::Form = __vmstate::Form::structure(
            <Self as __vmstate::VmState>::DESCRIPTION,
        );
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = <Self as __vmstate::VmState>::EXCLUSIVE;
        const FIXED: __vmstate::core::option::Option<usize> = __vmstate::walk::sum(
            &[
                <u8 as __vmstate::Wire>::FIXED,
                <Inner as __vmstate::Wire>::FIXED,
                <[Inner; 2] as __vmstate::Wire>::FIXED,
                <u32 as __vmstate::Wire>::FIXED,
                <u32 as __vmstate::Wire>::FIXED,
            ],
        );
        #[inline]
        #[allow(unused_variables)]
        fn put(&self, out: &mut [u8]) {
            let out = <u8 as __vmstate::Wire>::put_front(&self.a, out);
            let out = <Inner as __vmstate::Wire>::put_front(&self.inner, out);
            let out = <[Inner; 2] as __vmstate::Wire>::put_front(&self.more, out);
            let out = <u32 as __vmstate::Wire>::put_front(&self.b, out);
            let out = <u32 as __vmstate::Wire>::put_front(&self.c, out);
        }
        #[inline]
        #[allow(unused_variables)]
        fn get(&mut self, from: &[u8]) {
            let from = <u8 as __vmstate::Wire>::get_front(&mut self.a, from);
            let from = <Inner as __vmstate::Wire>::get_front(&mut self.inner, from);
            let from = <[Inner; 2] as __vmstate::Wire>::get_front(&mut self.more, from);
            let from = <u32 as __vmstate::Wire>::get_front(&mut self.b, from);
            let from = <u32 as __vmstate::Wire>::get_front(&mut self.c, from);
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
    const _: () = {
        __vmstate::core::assert!(
            __vmstate::walk::newest_inherited(< Outer as __vmstate::VmState >
            ::DESCRIPTION.fields) <= < Outer as __vmstate::VmState > ::DESCRIPTION
            .version,
            "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Outer as __vmstate::VmState > ::DESCRIPTION
            .fields[1usize].form, < Outer as __vmstate::VmState > ::DESCRIPTION, 1usize,
            5usize, < Outer as __vmstate::VmState > ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Outer as __vmstate::VmState > ::DESCRIPTION
            .fields[2usize].form, < Outer as __vmstate::VmState > ::DESCRIPTION, 2usize,
            5usize, < Outer as __vmstate::VmState > ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
};
