#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Infos {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Infos",
            )
            .fields(const {
                &[
                    __vmstate::Field::new(
                        "a",
                        <__vmstate::Buffer as __vmstate::Codec<[u8; 4]>>::FORM,
                    ),
                    __vmstate::Field::new(
                        "b",
                        <__vmstate::Equal as __vmstate::Codec<u32>>::FORM,
                    ),
                    __vmstate::Field::new(
                        "c",
                        <__vmstate::LessOrEqual as __vmstate::Codec<i32>>::FORM,
                    ),
                    __vmstate::Field::new(
                        "d",
                        <__vmstate::Each<
                            __vmstate::TimerInfo,
                        > as __vmstate::Codec<[Option<u64>; 2]>>::FORM,
                    ),
                    __vmstate::Field::new(
                        "env",
                        <path::to::MyInfo<u8> as __vmstate::Codec<Flags>>::FORM,
                    ),
                    __vmstate::Field::new(
                        "unused",
                        <__vmstate::Unused<1> as __vmstate::Wire>::FORM,
                    ),
                    __vmstate::Field::new("f", <u8 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new(
                        "unused",
                        <__vmstate::Unused<2> as __vmstate::Wire>::FORM,
                    ),
                    __vmstate::Field::new("unused", <Unused<8> as __vmstate::Wire>::FORM),
                ]
            });
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = __vmstate::walk::exclusive(
            &[
                <__vmstate::Equal as __vmstate::Codec<u32>>::EXCLUSIVE,
                <path::to::MyInfo<u8> as __vmstate::Codec<Flags>>::EXCLUSIVE,
                <Unused<8> as __vmstate::Wire>::EXCLUSIVE,
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
                <__vmstate::Buffer as __vmstate::Codec<
                    [u8; 4],
                >>::save(
                    &mut self.a,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "a",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::Equal as __vmstate::Codec<
                    u32,
                >>::save(
                    &mut self.b,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "b",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::LessOrEqual as __vmstate::Codec<
                    i32,
                >>::save(
                    &mut self.c,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        2usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "c",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::Each<
                    __vmstate::TimerInfo,
                > as __vmstate::Codec<
                    [Option<u64>; 2],
                >>::save(
                    &mut self.d,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        3usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "d",
            )?;
            __vmstate::InField::in_field(
                <path::to::MyInfo<
                    u8,
                > as __vmstate::Codec<
                    Flags,
                >>::save(
                    &mut self.e,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        4usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "env",
            )?;
            {
                let blocks = const {
                    __vmstate::walk::blocks::<
                        4usize,
                    >(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        5usize,
                        &[(3usize, <Unused<8> as __vmstate::Wire>::FIXED)],
                    )
                };
                let mut out = __vmstate::Sink::reserve(sink, blocks[0].size);
                out = <__vmstate::Unused<
                    1,
                > as __vmstate::Wire>::put_front(&__vmstate::Unused, out);
                out = <u8 as __vmstate::Wire>::put_front(&self.f, out);
                out = <__vmstate::Unused<
                    2,
                > as __vmstate::Wire>::put_front(&__vmstate::Unused, out);
                if const { <Unused<8> as __vmstate::Wire>::FIXED.is_some() } {
                    out = <Unused<8> as __vmstate::Wire>::put_front(&self.g, out);
                    __vmstate::walk::end_block(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[3usize],
                    );
                } else {
                    __vmstate::walk::end_block(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[3usize],
                    );
                    __vmstate::InField::in_field(
                        <Unused<
                            8,
                        > as __vmstate::Wire>::save_elements(
                            &mut self.g,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                8usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "unused",
                    )?;
                }
            }
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
                <__vmstate::Buffer as __vmstate::Codec<
                    [u8; 4],
                >>::share(
                    &self.a,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        0usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "a",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::Equal as __vmstate::Codec<
                    u32,
                >>::share(
                    &self.b,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "b",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::LessOrEqual as __vmstate::Codec<
                    i32,
                >>::share(
                    &self.c,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        2usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "c",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::Each<
                    __vmstate::TimerInfo,
                > as __vmstate::Codec<
                    [Option<u64>; 2],
                >>::share(
                    &self.d,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        3usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "d",
            )?;
            __vmstate::InField::in_field(
                <path::to::MyInfo<
                    u8,
                > as __vmstate::Codec<
                    Flags,
                >>::share(
                    &self.e,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        4usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "env",
            )?;
            {
                let blocks = const {
                    __vmstate::walk::blocks::<
                        4usize,
                    >(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        5usize,
                        &[(3usize, <Unused<8> as __vmstate::Wire>::FIXED)],
                    )
                };
                let mut out = __vmstate::Sink::reserve(sink, blocks[0].size);
                out = <__vmstate::Unused<
                    1,
                > as __vmstate::Wire>::put_front(&__vmstate::Unused, out);
                out = <u8 as __vmstate::Wire>::put_front(&self.f, out);
                out = <__vmstate::Unused<
                    2,
                > as __vmstate::Wire>::put_front(&__vmstate::Unused, out);
                if const { <Unused<8> as __vmstate::Wire>::FIXED.is_some() } {
                    out = <Unused<8> as __vmstate::Wire>::put_front(&self.g, out);
                    __vmstate::walk::end_block(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[3usize],
                    );
                } else {
                    __vmstate::walk::end_block(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[3usize],
                    );
                    __vmstate::InField::in_field(
                        <Unused<
                            8,
                        > as __vmstate::Wire>::share_elements(
                            &self.g,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                8usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "unused",
                    )?;
                }
            }
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
                <__vmstate::Buffer as __vmstate::Codec<
                    [u8; 4],
                >>::load(&mut self.a, reader),
                "a",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::Equal as __vmstate::Codec<u32>>::load(&mut self.b, reader)
                    .map_err(|error| error.with_peer_advice("same size on both sides")),
                "b",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::LessOrEqual as __vmstate::Codec<
                    i32,
                >>::load(&mut self.c, reader),
                "c",
            )?;
            __vmstate::InField::in_field(
                <__vmstate::Each<
                    __vmstate::TimerInfo,
                > as __vmstate::Codec<[Option<u64>; 2]>>::load(&mut self.d, reader),
                "d",
            )?;
            __vmstate::InField::in_field(
                <path::to::MyInfo<
                    u8,
                > as __vmstate::Codec<Flags>>::load(&mut self.e, reader),
                "env",
            )?;
            {
                let blocks = const {
                    __vmstate::walk::blocks::<
                        4usize,
                    >(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        5usize,
                        &[(3usize, <Unused<8> as __vmstate::Wire>::FIXED)],
                    )
                };
                let mut from = __vmstate::walk::load_block(
                    reader,
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    &blocks[0],
                )?;
                from = <__vmstate::Unused<
                    1,
                > as __vmstate::Wire>::get_front(&mut __vmstate::Unused, from);
                from = <u8 as __vmstate::Wire>::get_front(&mut self.f, from);
                from = <__vmstate::Unused<
                    2,
                > as __vmstate::Wire>::get_front(&mut __vmstate::Unused, from);
                if const { <Unused<8> as __vmstate::Wire>::FIXED.is_some() } {
                    from = <Unused<8> as __vmstate::Wire>::get_front(&mut self.g, from);
                } else {
                    __vmstate::InField::in_field(
                        <Unused<
                            8,
                        > as __vmstate::Wire>::load_elements(&mut self.g, reader),
                        "unused",
                    )?;
                }
            }
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Infos {
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
            __vmstate::walk::newest_inherited(< Infos as __vmstate::VmState >
            ::DESCRIPTION.fields) <= < Infos as __vmstate::VmState > ::DESCRIPTION
            .version,
            "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Infos as __vmstate::VmState > ::DESCRIPTION
            .fields[4usize].form, < Infos as __vmstate::VmState > ::DESCRIPTION, 4usize,
            9usize, < Infos as __vmstate::VmState > ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Infos as __vmstate::VmState > ::DESCRIPTION
            .fields[8usize].form, < Infos as __vmstate::VmState > ::DESCRIPTION, 8usize,
            9usize, < Infos as __vmstate::VmState > ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
};
