#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Older {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "dev",
            )
            .versions(4u32, 3u32)
            .fields(const {
                &[
                    __vmstate::Field::new("gone", <[u8; 2] as __vmstate::Wire>::FORM)
                        .until(3u32),
                    __vmstate::Field::new("first", <u8 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("second", <u8 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("level", <u16 as __vmstate::Wire>::FORM)
                        .since(4u32),
                    __vmstate::Field::new("level", <u32 as __vmstate::Wire>::FORM)
                        .until(3u32),
                ]
            })
            .load_old(1u32)
            .subsections(const {
                &[
                    __vmstate::Subsection::new(
                        const {
                            &__vmstate::Description::new("dev/extra")
                                .versions(2u32, 1u32)
                                .fields(const {
                                    &[
                                        __vmstate::Field::new(
                                            "extra",
                                            <u8 as __vmstate::Wire>::FORM,
                                        ),
                                    ]
                                })
                        },
                        __vmstate::Absent::Keep,
                    ),
                ]
            });
        #[allow(unused_variables)]
        #[inline(never)]
        fn share_fields<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            if !__vmstate::Sink::out(sink).is_checkpoint() && version <= 3u32 {
                __vmstate::InField::in_field(
                    <[u8; 2] as __vmstate::Wire>::save_elements(
                        &mut {
                            __vmstate::core::array::from_fn(|_| <u8 as __vmstate::core::default::Default>::default())
                        },
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            0usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "gone",
                )?;
            }
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::share_elements(
                    &self.first,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        1usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "first",
            )?;
            if !__vmstate::Sink::out(sink).is_checkpoint()
                && !__vmstate::hook::holds(&*self, version, |dev: &Self| dev.first < 4)
            {
                return __vmstate::core::result::Result::Err(
                    __vmstate::hook::must_exist_saving("first is small"),
                );
            }
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::share_elements(
                    &self.second,
                    sink,
                    __vmstate::FieldRef::new(
                        <Self as __vmstate::VmState>::DESCRIPTION,
                        2usize,
                    ),
                    __vmstate::ElementIndex::ONLY,
                ),
                "second",
            )?;
            if version >= 4u32 || __vmstate::Sink::out(sink).is_checkpoint() {
                __vmstate::InField::in_field(
                    <u16 as __vmstate::Wire>::share_elements(
                        &self.level,
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            3usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "level",
                )?;
            }
            if !__vmstate::Sink::out(sink).is_checkpoint() && version <= 3u32 {
                __vmstate::InField::in_field(
                    <u32 as __vmstate::Wire>::save_elements(
                        &mut {
                            __vmstate::hook::old::<Self, u32>(&*self, Self::old_level)
                        },
                        sink,
                        __vmstate::FieldRef::new(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            4usize,
                        ),
                        __vmstate::ElementIndex::ONLY,
                    ),
                    "level",
                )?;
            }
            if !__vmstate::Sink::out(sink).is_checkpoint()
                && !__vmstate::hook::holds(&*self, version, Self::fits)
            {
                return __vmstate::core::result::Result::Err(
                    __vmstate::hook::must_exist_saving("fits"),
                );
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
            if !reader.is_checkpoint() && version <= 3u32 {
                __vmstate::InField::in_field(
                    {
                        let mut old = __vmstate::core::array::from_fn(|_| <u8 as __vmstate::core::default::Default>::default());
                        <[u8; 2] as __vmstate::Wire>::load_elements(&mut old, reader)
                    },
                    "gone",
                )?;
            }
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::load_elements(&mut self.first, reader),
                "first",
            )?;
            if !reader.is_checkpoint()
                && !__vmstate::hook::holds(&*self, version, |dev: &Self| dev.first < 4)
            {
                return __vmstate::core::result::Result::Err(
                    __vmstate::hook::must_exist_loading(
                            "first is small",
                            version,
                            <Self as __vmstate::VmState>::DESCRIPTION,
                        )
                        .at_offset(reader.offset()),
                );
            }
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::load_elements(&mut self.second, reader),
                "second",
            )?;
            if version >= 4u32 || reader.is_checkpoint() {
                __vmstate::InField::in_field(
                    <u16 as __vmstate::Wire>::load_elements(&mut self.level, reader),
                    "level",
                )?;
            } else {
                self.level = u16::MAX;
            }
            if !reader.is_checkpoint() && version <= 3u32 {
                __vmstate::InField::in_field(
                    {
                        let mut old = <u32 as __vmstate::core::default::Default>::default();
                        let start = reader.offset();
                        <u32 as __vmstate::Wire>::load_elements(&mut old, reader)
                            .and_then(|()| {
                                __vmstate::hook::removed(
                                        &mut *self,
                                        old,
                                        |dev: &mut Self, level: u32| dev.level = level.into(),
                                    )
                                    .map_err(|error| error.at_offset(start))
                            })
                    },
                    "level",
                )?;
            }
            if !reader.is_checkpoint()
                && !__vmstate::hook::holds(&*self, version, Self::fits)
            {
                return __vmstate::core::result::Result::Err(
                    __vmstate::hook::must_exist_loading(
                            "fits",
                            version,
                            <Self as __vmstate::VmState>::DESCRIPTION,
                        )
                        .at_offset(reader.offset()),
                );
            }
            __vmstate::core::result::Result::Ok(())
        }
        #[allow(unused_variables)]
        fn share_subsections<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            {
                let version = match version {
                    ..=3u32 => 1u32,
                    _ => {
                        <Self as __vmstate::VmState>::DESCRIPTION
                            .subsections[0usize]
                            .description
                            .version
                    }
                };
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
                        if !__vmstate::Sink::out(sink).is_checkpoint()
                            && !__vmstate::hook::holds(&*self, version, Self::fits)
                        {
                            return __vmstate::core::result::Result::Err(
                                __vmstate::hook::must_exist_saving("fits"),
                            );
                        }
                        __vmstate::InField::in_field(
                            <u8 as __vmstate::Wire>::share_elements(
                                &self.extra,
                                sink,
                                __vmstate::FieldRef::new(
                                    <Self as __vmstate::VmState>::DESCRIPTION
                                        .subsections[0usize]
                                        .description,
                                    0usize,
                                ),
                                __vmstate::ElementIndex::ONLY,
                            ),
                            "extra",
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
                    if !reader.is_checkpoint()
                        && !__vmstate::hook::holds(&*self, version, Self::fits)
                    {
                        return __vmstate::core::result::Result::Err(
                            __vmstate::hook::must_exist_loading(
                                    "fits",
                                    version,
                                    <Self as __vmstate::VmState>::DESCRIPTION
                                        .subsections[0usize]
                                        .description,
                                )
                                .at_offset(reader.offset()),
                        );
                    }
                    __vmstate::InField::in_field(
                        <u8 as __vmstate::Wire>::load_elements(&mut self.extra, reader),
                        "extra",
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
        fn load_old(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            __vmstate::hook::load_old(self, reader, version, Self::load_old)
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Older {
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
