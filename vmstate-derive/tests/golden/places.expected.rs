#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Places {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "e1000",
            )
            .versions(2u32, 1u32)
            .fields(const {
                &[
                    __vmstate::Field::new(
                            "channels[0].irq_disabled",
                            <u32 as __vmstate::Wire>::FORM,
                        )
                        .since(2u32),
                    __vmstate::Field::new(
                        "channels",
                        <[Channel; 3] as __vmstate::Wire>::FORM,
                    ),
                    __vmstate::Field::new(
                        "mac_reg[CTRL]",
                        <u32 as __vmstate::Wire>::FORM,
                    ),
                    __vmstate::Field::new(
                            "mac_reg[0]",
                            <[u32; REGISTERS] as __vmstate::items::Items>::ITEM
                                .times(
                                    __vmstate::part::length(
                                        <[u32; REGISTERS] as __vmstate::items::Items>::CAPACITY,
                                        RA,
                                        RA + 16,
                                    ),
                                ),
                        )
                        .since(2u32),
                ]
            })
            .subsections(const {
                &[
                    __vmstate::Subsection::new(
                        const {
                            &__vmstate::Description::new("e1000/full_mac_state")
                                .fields(const {
                                    &[
                                        __vmstate::Field::new(
                                            "mac_reg",
                                            <Box<[u32; REGISTERS]> as __vmstate::Wire>::FORM,
                                        ),
                                    ]
                                })
                                .conditional()
                        },
                        __vmstate::Absent::Keep,
                    ),
                ]
            });
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = __vmstate::walk::exclusive(
            &[
                <[Channel; 3] as __vmstate::Wire>::EXCLUSIVE,
                <Box<[u32; REGISTERS]> as __vmstate::Wire>::EXCLUSIVE,
            ],
        );
        #[allow(unused_variables)]
        #[inline]
        fn save_fields<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            if version >= 2u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    <u32 as __vmstate::Wire>::save_elements(
                        __vmstate::place::of::<
                            u32,
                            _,
                        >(
                            &mut __vmstate::place::element::<
                                { 0 },
                                _,
                                _,
                            >(&mut (*self).channels)
                                .irq_disabled,
                        ),
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            0usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "channels[0].irq_disabled",
                )?;
            }
            {
                let blocks = const {
                    __vmstate::walk::blocks::<
                        2usize,
                    >(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                        &[(0usize, <[Channel; 3] as __vmstate::Wire>::FIXED)],
                    )
                };
                let mut out = __vmstate::Sink::reserve(sink, blocks[0].size);
                if const { <[Channel; 3] as __vmstate::Wire>::FIXED.is_some() } {
                    out = <[Channel; 3] as __vmstate::Wire>::put_front(
                        &self.channels,
                        out,
                    );
                } else {
                    __vmstate::walk::end_block(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[0usize],
                    );
                    __vmstate::InField::in_field(
                        <[Channel; 3] as __vmstate::Wire>::save_elements(
                            &mut self.channels,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                1usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "channels",
                    )?;
                    out = __vmstate::Sink::reserve(sink, blocks[1usize].size);
                }
                out = <u32 as __vmstate::Wire>::put_front(
                    __vmstate::place::of::<
                        u32,
                        _,
                    >(__vmstate::place::element::<{ CTRL }, _, _>(&(*self).mac_reg)),
                    out,
                );
                __vmstate::walk::end_block(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    &blocks[1usize],
                );
            }
            if version >= 2u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    <[u32; REGISTERS] as __vmstate::items::Items>::save_part(
                        __vmstate::place::of::<
                            [u32; REGISTERS],
                            _,
                        >(&mut (*self).mac_reg),
                        RA,
                        RA + 16,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            3usize,
                        ),
                    ),
                    "mac_reg[0]",
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
            if version >= 2u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    <u32 as __vmstate::Wire>::share_elements(
                        __vmstate::place::of::<
                            u32,
                            _,
                        >(
                            &__vmstate::place::element::<{ 0 }, _, _>(&(*self).channels)
                                .irq_disabled,
                        ),
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            0usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "channels[0].irq_disabled",
                )?;
            }
            {
                let blocks = const {
                    __vmstate::walk::blocks::<
                        2usize,
                    >(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                        &[(0usize, <[Channel; 3] as __vmstate::Wire>::FIXED)],
                    )
                };
                let mut out = __vmstate::Sink::reserve(sink, blocks[0].size);
                if const { <[Channel; 3] as __vmstate::Wire>::FIXED.is_some() } {
                    out = <[Channel; 3] as __vmstate::Wire>::put_front(
                        &self.channels,
                        out,
                    );
                } else {
                    __vmstate::walk::end_block(
                        sink,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[0usize],
                    );
                    __vmstate::InField::in_field(
                        <[Channel; 3] as __vmstate::Wire>::share_elements(
                            &self.channels,
                            sink,
                            __vmstate::FieldRef::new(
                                <Self as __vmstate::VmState>::DESCRIPTION,
                                1usize,
                            ),
                            __vmstate::ElementIndex::ONLY,
                        ),
                        "channels",
                    )?;
                    out = __vmstate::Sink::reserve(sink, blocks[1usize].size);
                }
                out = <u32 as __vmstate::Wire>::put_front(
                    __vmstate::place::of::<
                        u32,
                        _,
                    >(__vmstate::place::element::<{ CTRL }, _, _>(&(*self).mac_reg)),
                    out,
                );
                __vmstate::walk::end_block(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    &blocks[1usize],
                );
            }
            if version >= 2u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    <[u32; REGISTERS] as __vmstate::items::Items>::share_part(
                        __vmstate::place::of::<[u32; REGISTERS], _>(&(*self).mac_reg),
                        RA,
                        RA + 16,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            3usize,
                        ),
                    ),
                    "mac_reg[0]",
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
            if version >= 2u32 || reader.is_checkpoint() {
                __vmstate::InField::in_field(
                    <u32 as __vmstate::Wire>::load_elements(
                        __vmstate::place::of::<
                            u32,
                            _,
                        >(
                            &mut __vmstate::place::element::<
                                { 0 },
                                _,
                                _,
                            >(&mut (*self).channels)
                                .irq_disabled,
                        ),
                        reader,
                    ),
                    "channels[0].irq_disabled",
                )?;
            } else {
                *__vmstate::place::of::<
                    u32,
                    _,
                >(
                    &mut __vmstate::place::element::<{ 0 }, _, _>(&mut (*self).channels)
                        .irq_disabled,
                ) = 1;
            }
            {
                let blocks = const {
                    __vmstate::walk::blocks::<
                        2usize,
                    >(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                        &[(0usize, <[Channel; 3] as __vmstate::Wire>::FIXED)],
                    )
                };
                let mut from = __vmstate::walk::load_block(
                    reader,
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    &blocks[0],
                )?;
                if const { <[Channel; 3] as __vmstate::Wire>::FIXED.is_some() } {
                    from = <[Channel; 3] as __vmstate::Wire>::get_front(
                        &mut self.channels,
                        from,
                    );
                } else {
                    __vmstate::InField::in_field(
                        <[Channel; 3] as __vmstate::Wire>::load_elements(
                            &mut self.channels,
                            reader,
                        ),
                        "channels",
                    )?;
                    from = __vmstate::walk::load_block(
                        reader,
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        &blocks[1usize],
                    )?;
                }
                from = <u32 as __vmstate::Wire>::get_front(
                    __vmstate::place::of::<
                        u32,
                        _,
                    >(__vmstate::place::element::<{ CTRL }, _, _>(&mut (*self).mac_reg)),
                    from,
                );
            }
            if version >= 2u32 || reader.is_checkpoint() {
                __vmstate::InField::in_field(
                    <[u32; REGISTERS] as __vmstate::items::Items>::load_part(
                        __vmstate::place::of::<
                            [u32; REGISTERS],
                            _,
                        >(&mut (*self).mac_reg),
                        RA,
                        RA + 16,
                        reader,
                    ),
                    "mac_reg[0]",
                )?;
            }
            __vmstate::core::result::Result::Ok(())
        }
        #[allow(unused_variables)]
        fn save_subsections<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            if __vmstate::hook::holds(
                &*self,
                <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[0usize]
                    .description
                    .version,
                |card: &Self| card.full,
            ) || __vmstate::Sink::out(sink).is_checkpoint()
            {
                let version = <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[0usize]
                    .description
                    .version;
                __vmstate::walk::save_subsection(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION
                        .subsections[0usize]
                        .description,
                    version,
                    |sink| {
                        __vmstate::Sink::begin_struct(
                            sink,
                            <Self as __vmstate::VmState>::DESCRIPTION
                                .subsections[0usize]
                                .description,
                            version,
                        );
                        __vmstate::InField::in_field(
                            <Box<
                                [u32; REGISTERS],
                            > as __vmstate::Wire>::save_elements(
                                &mut self.mac_reg,
                                sink,
                                __vmstate::FieldRef::new(
                                    <Self as __vmstate::VmState>::DESCRIPTION
                                        .subsections[0usize]
                                        .description,
                                    0usize,
                                ),
                                __vmstate::ElementIndex::ONLY,
                            ),
                            "mac_reg",
                        )?;
                        __vmstate::Sink::end_struct(sink);
                        __vmstate::core::result::Result::Ok(())
                    },
                )?;
            }
            __vmstate::core::result::Result::Ok(())
        }
        #[allow(unused_variables)]
        fn share_subsections<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            if __vmstate::hook::holds(
                &*self,
                <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[0usize]
                    .description
                    .version,
                |card: &Self| card.full,
            ) || __vmstate::Sink::out(sink).is_checkpoint()
            {
                let version = <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[0usize]
                    .description
                    .version;
                __vmstate::walk::save_subsection(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION
                        .subsections[0usize]
                        .description,
                    version,
                    |sink| {
                        __vmstate::Sink::begin_struct(
                            sink,
                            <Self as __vmstate::VmState>::DESCRIPTION
                                .subsections[0usize]
                                .description,
                            version,
                        );
                        __vmstate::InField::in_field(
                            <Box<
                                [u32; REGISTERS],
                            > as __vmstate::Wire>::share_elements(
                                &self.mac_reg,
                                sink,
                                __vmstate::FieldRef::new(
                                    <Self as __vmstate::VmState>::DESCRIPTION
                                        .subsections[0usize]
                                        .description,
                                    0usize,
                                ),
                                __vmstate::ElementIndex::ONLY,
                            ),
                            "mac_reg",
                        )?;
                        __vmstate::Sink::end_struct(sink);
                        __vmstate::core::result::Result::Ok(())
                    },
                )?;
            }
            __vmstate::core::result::Result::Ok(())
        }
        fn load_subsection(
            &mut self,
            index: usize,
            reader: &mut __vmstate::Reader<'_>,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            match index {
                0usize => {
                    __vmstate::walk::check_version(
                            <Self as __vmstate::VmState>::DESCRIPTION
                                .subsections[0usize]
                                .description,
                            version,
                        )
                        .map_err(|error| error.at_offset(reader.offset()))?;
                    __vmstate::InField::in_field(
                        <Box<
                            [u32; REGISTERS],
                        > as __vmstate::Wire>::load_elements(&mut self.mac_reg, reader),
                        "mac_reg",
                    )?;
                    __vmstate::walk::end_of_subsections(
                        <Self as __vmstate::VmState>::DESCRIPTION
                            .subsections[0usize]
                            .description,
                        reader,
                    )?;
                }
                _ => {}
            }
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Places {
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
            __vmstate::walk::newest_inherited(< Places as __vmstate::VmState >
            ::DESCRIPTION.fields) <= < Places as __vmstate::VmState > ::DESCRIPTION
            .version,
            "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Places as __vmstate::VmState >
            ::DESCRIPTION.fields[1usize].form, < Places as __vmstate::VmState >
            ::DESCRIPTION, 1usize, 4usize, < Places as __vmstate::VmState > ::DESCRIPTION
            .subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            ! __vmstate::walk::is_ambiguous(< Places as __vmstate::VmState >
            ::DESCRIPTION.subsections[0usize].description.fields[0usize].form, < Places
            as __vmstate::VmState > ::DESCRIPTION.subsections[0usize].description,
            0usize, 1usize, < Places as __vmstate::VmState > ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
};
