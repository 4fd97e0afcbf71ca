#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Device {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "dev",
            )
            .fields(const { &[] })
            .subsections(const {
                &[
                    __vmstate::Subsection::new(
                        const {
                            &__vmstate::Description::new("dev/group")
                                .versions(2u32, 1u32)
                                .hooks(
                                    __vmstate::Hooks::NONE.pre_save().post_save().post_load(),
                                )
                                .fields(const {
                                    &[
                                        __vmstate::Field::new("a", <u8 as __vmstate::Wire>::FORM),
                                        __vmstate::Field::new("b", <u8 as __vmstate::Wire>::FORM)
                                            .since(2u32),
                                    ]
                                })
                                .conditional()
                        },
                        __vmstate::Absent::Default,
                    ),
                    __vmstate::Subsection::new(
                        const {
                            &__vmstate::Description::new("dev/single")
                                .fields(const {
                                    &[
                                        __vmstate::Field::new("c", <u32 as __vmstate::Wire>::FORM),
                                    ]
                                })
                                .conditional()
                        },
                        __vmstate::Absent::Keep,
                    ),
                    __vmstate::Subsection::new(
                        const {
                            &__vmstate::Description::new("dev/option")
                                .fields(const {
                                    &[
                                        __vmstate::Field::new("d", <Part as __vmstate::Wire>::FORM),
                                    ]
                                })
                                .conditional()
                        },
                        __vmstate::Absent::Default,
                    ),
                    __vmstate::Subsection::new(
                        <Whole as __vmstate::VmState>::DESCRIPTION,
                        __vmstate::Absent::Keep,
                    ),
                    __vmstate::Subsection::new(
                        const {
                            &(*<Whole as __vmstate::VmState>::DESCRIPTION).conditional()
                        },
                        __vmstate::Absent::Error,
                    ),
                ]
            });
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = __vmstate::walk::exclusive(
            &[
                __vmstate::hook::saving::<Self, _, _>(Self::pre)
                    .exclusive(
                        "`Device` cannot be saved through `&self`: the hook `pre_save` of the subsection `dev/group` takes `&mut self`; save it with `save`, or let the hook take `&self`",
                    ),
                __vmstate::hook::saving::<Self, _, _>(Self::post)
                    .exclusive(
                        "`Device` cannot be saved through `&self`: the hook `post_save` of the subsection `dev/group` takes `&mut self`; save it with `save`, or let the hook take `&self`",
                    ),
                <Part as __vmstate::Wire>::EXCLUSIVE,
                <Whole as __vmstate::VmState>::EXCLUSIVE,
                <Whole as __vmstate::VmState>::EXCLUSIVE,
            ],
        );
        #[allow(unused_variables)]
        #[inline]
        fn share_fields<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::core::result::Result::Ok(())
        }
        #[allow(unused_variables)]
        #[inline]
        fn load_fields(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
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
                Self::has_group,
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
                        __vmstate::walk::check_save_hook(
                            sink,
                            __vmstate::hook::saving::<Self, _, _>(Self::pre)
                                .run("pre_save", &mut *self, version),
                        )?;
                        let saved = (|| {
                            __vmstate::Sink::begin_struct(
                                sink,
                                <Self as __vmstate::VmState>::DESCRIPTION
                                    .subsections[0usize]
                                    .description,
                                version,
                            );
                            __vmstate::InField::in_field(
                                <u8 as __vmstate::Wire>::save_elements(
                                    &mut self.a,
                                    sink,
                                    __vmstate::FieldRef::new(
                                        <Self as __vmstate::VmState>::DESCRIPTION
                                            .subsections[0usize]
                                            .description,
                                        0usize,
                                    ),
                                    __vmstate::ElementIndex::ONLY,
                                ),
                                "a",
                            )?;
                            if version >= 2u32
                                || __vmstate::Sink::out(sink).is_checkpoint()
                            {
                                __vmstate::InField::in_field(
                                    <u8 as __vmstate::Wire>::save_elements(
                                        &mut self.b,
                                        sink,
                                        __vmstate::FieldRef::new(
                                            <Self as __vmstate::VmState>::DESCRIPTION
                                                .subsections[0usize]
                                                .description,
                                            1usize,
                                        ),
                                        __vmstate::ElementIndex::ONLY,
                                    ),
                                    "b",
                                )?;
                            }
                            __vmstate::Sink::end_struct(sink);
                            __vmstate::core::result::Result::Ok(())
                        })();
                        let after = __vmstate::walk::check_save_hook(
                            sink,
                            __vmstate::hook::saving::<Self, _, _>(Self::post)
                                .run("post_save", &mut *self, version),
                        );
                        saved.and(after)
                    },
                )?;
            }
            if __vmstate::hook::holds(
                &*self,
                <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[1usize]
                    .description
                    .version,
                Self::has_single,
            ) || __vmstate::Sink::out(sink).is_checkpoint()
            {
                let version = <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[1usize]
                    .description
                    .version;
                __vmstate::walk::save_subsection(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION
                        .subsections[1usize]
                        .description,
                    version,
                    |sink| {
                        __vmstate::Sink::begin_struct(
                            sink,
                            <Self as __vmstate::VmState>::DESCRIPTION
                                .subsections[1usize]
                                .description,
                            version,
                        );
                        __vmstate::InField::in_field(
                            <u32 as __vmstate::Wire>::save_elements(
                                &mut self.c,
                                sink,
                                __vmstate::FieldRef::new(
                                    <Self as __vmstate::VmState>::DESCRIPTION
                                        .subsections[1usize]
                                        .description,
                                    0usize,
                                ),
                                __vmstate::ElementIndex::ONLY,
                            ),
                            "c",
                        )?;
                        __vmstate::Sink::end_struct(sink);
                        __vmstate::core::result::Result::Ok(())
                    },
                )?;
            }
            if self.d.is_some() {
                let version = <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[2usize]
                    .description
                    .version;
                __vmstate::walk::save_subsection(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION
                        .subsections[2usize]
                        .description,
                    version,
                    |sink| {
                        __vmstate::Sink::begin_struct(
                            sink,
                            <Self as __vmstate::VmState>::DESCRIPTION
                                .subsections[2usize]
                                .description,
                            version,
                        );
                        if let __vmstate::core::option::Option::Some(value) = &mut self.d
                        {
                            __vmstate::InField::in_field(
                                <Part as __vmstate::Wire>::save_elements(
                                    value,
                                    sink,
                                    __vmstate::FieldRef::new(
                                        <Self as __vmstate::VmState>::DESCRIPTION
                                            .subsections[2usize]
                                            .description,
                                        0usize,
                                    ),
                                    __vmstate::ElementIndex::ONLY,
                                ),
                                "d",
                            )?;
                        }
                        __vmstate::Sink::end_struct(sink);
                        __vmstate::core::result::Result::Ok(())
                    },
                )?;
            }
            if <Whole as __vmstate::VmState>::needed(&self.e)
                || __vmstate::Sink::out(sink).is_checkpoint()
            {
                let version = <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[3usize]
                    .description
                    .version;
                __vmstate::walk::save_subsection(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION
                        .subsections[3usize]
                        .description,
                    version,
                    |sink| {
                        <Whole as __vmstate::VmState>::save_at(
                            &mut self.e,
                            sink,
                            version,
                        )
                    },
                )?;
            }
            if self.f.is_some()
                && (__vmstate::hook::holds(
                    &*self,
                    <Self as __vmstate::VmState>::DESCRIPTION
                        .subsections[4usize]
                        .description
                        .version,
                    Self::has_whole,
                ) || __vmstate::Sink::out(sink).is_checkpoint())
            {
                let version = <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[4usize]
                    .description
                    .version;
                __vmstate::walk::save_subsection(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION
                        .subsections[4usize]
                        .description,
                    version,
                    |sink| {
                        if let __vmstate::core::option::Option::Some(value) = &mut self.f
                        {
                            <Whole as __vmstate::VmState>::save_at(
                                value,
                                sink,
                                version,
                            )?;
                        }
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
                Self::has_group,
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
                        __vmstate::walk::check_save_hook(
                            sink,
                            __vmstate::hook::saving::<Self, _, _>(Self::pre)
                                .run("pre_save", &*self, version),
                        )?;
                        let saved = (|| {
                            __vmstate::Sink::begin_struct(
                                sink,
                                <Self as __vmstate::VmState>::DESCRIPTION
                                    .subsections[0usize]
                                    .description,
                                version,
                            );
                            __vmstate::InField::in_field(
                                <u8 as __vmstate::Wire>::share_elements(
                                    &self.a,
                                    sink,
                                    __vmstate::FieldRef::new(
                                        <Self as __vmstate::VmState>::DESCRIPTION
                                            .subsections[0usize]
                                            .description,
                                        0usize,
                                    ),
                                    __vmstate::ElementIndex::ONLY,
                                ),
                                "a",
                            )?;
                            if version >= 2u32
                                || __vmstate::Sink::out(sink).is_checkpoint()
                            {
                                __vmstate::InField::in_field(
                                    <u8 as __vmstate::Wire>::share_elements(
                                        &self.b,
                                        sink,
                                        __vmstate::FieldRef::new(
                                            <Self as __vmstate::VmState>::DESCRIPTION
                                                .subsections[0usize]
                                                .description,
                                            1usize,
                                        ),
                                        __vmstate::ElementIndex::ONLY,
                                    ),
                                    "b",
                                )?;
                            }
                            __vmstate::Sink::end_struct(sink);
                            __vmstate::core::result::Result::Ok(())
                        })();
                        let after = __vmstate::walk::check_save_hook(
                            sink,
                            __vmstate::hook::saving::<Self, _, _>(Self::post)
                                .run("post_save", &*self, version),
                        );
                        saved.and(after)
                    },
                )?;
            }
            if __vmstate::hook::holds(
                &*self,
                <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[1usize]
                    .description
                    .version,
                Self::has_single,
            ) || __vmstate::Sink::out(sink).is_checkpoint()
            {
                let version = <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[1usize]
                    .description
                    .version;
                __vmstate::walk::save_subsection(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION
                        .subsections[1usize]
                        .description,
                    version,
                    |sink| {
                        __vmstate::Sink::begin_struct(
                            sink,
                            <Self as __vmstate::VmState>::DESCRIPTION
                                .subsections[1usize]
                                .description,
                            version,
                        );
                        __vmstate::InField::in_field(
                            <u32 as __vmstate::Wire>::share_elements(
                                &self.c,
                                sink,
                                __vmstate::FieldRef::new(
                                    <Self as __vmstate::VmState>::DESCRIPTION
                                        .subsections[1usize]
                                        .description,
                                    0usize,
                                ),
                                __vmstate::ElementIndex::ONLY,
                            ),
                            "c",
                        )?;
                        __vmstate::Sink::end_struct(sink);
                        __vmstate::core::result::Result::Ok(())
                    },
                )?;
            }
            if self.d.is_some() {
                let version = <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[2usize]
                    .description
                    .version;
                __vmstate::walk::save_subsection(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION
                        .subsections[2usize]
                        .description,
                    version,
                    |sink| {
                        __vmstate::Sink::begin_struct(
                            sink,
                            <Self as __vmstate::VmState>::DESCRIPTION
                                .subsections[2usize]
                                .description,
                            version,
                        );
                        if let __vmstate::core::option::Option::Some(value) = &self.d {
                            __vmstate::InField::in_field(
                                <Part as __vmstate::Wire>::share_elements(
                                    value,
                                    sink,
                                    __vmstate::FieldRef::new(
                                        <Self as __vmstate::VmState>::DESCRIPTION
                                            .subsections[2usize]
                                            .description,
                                        0usize,
                                    ),
                                    __vmstate::ElementIndex::ONLY,
                                ),
                                "d",
                            )?;
                        }
                        __vmstate::Sink::end_struct(sink);
                        __vmstate::core::result::Result::Ok(())
                    },
                )?;
            }
            if <Whole as __vmstate::VmState>::needed(&self.e)
                || __vmstate::Sink::out(sink).is_checkpoint()
            {
                let version = <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[3usize]
                    .description
                    .version;
                __vmstate::walk::save_subsection(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION
                        .subsections[3usize]
                        .description,
                    version,
                    |sink| {
                        <Whole as __vmstate::VmState>::share_at(&self.e, sink, version)
                    },
                )?;
            }
            if self.f.is_some()
                && (__vmstate::hook::holds(
                    &*self,
                    <Self as __vmstate::VmState>::DESCRIPTION
                        .subsections[4usize]
                        .description
                        .version,
                    Self::has_whole,
                ) || __vmstate::Sink::out(sink).is_checkpoint())
            {
                let version = <Self as __vmstate::VmState>::DESCRIPTION
                    .subsections[4usize]
                    .description
                    .version;
                __vmstate::walk::save_subsection(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION
                        .subsections[4usize]
                        .description,
                    version,
                    |sink| {
                        if let __vmstate::core::option::Option::Some(value) = &self.f {
                            <Whole as __vmstate::VmState>::share_at(
                                value,
                                sink,
                                version,
                            )?;
                        }
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
                        <u8 as __vmstate::Wire>::load_elements(&mut self.a, reader),
                        "a",
                    )?;
                    if version >= 2u32 || reader.is_checkpoint() {
                        __vmstate::InField::in_field(
                            <u8 as __vmstate::Wire>::load_elements(&mut self.b, reader),
                            "b",
                        )?;
                    }
                    __vmstate::walk::end_of_subsections(
                        <Self as __vmstate::VmState>::DESCRIPTION
                            .subsections[0usize]
                            .description,
                        reader,
                    )?;
                    __vmstate::walk::run_load_hook(
                        reader,
                        || __vmstate::hook::post_load(
                            self,
                            version,
                            <Self as __vmstate::VmState>::DESCRIPTION
                                .subsections[0usize]
                                .description,
                            Self::loaded,
                        ),
                    )?;
                }
                1usize => {
                    __vmstate::walk::check_version(
                            <Self as __vmstate::VmState>::DESCRIPTION
                                .subsections[1usize]
                                .description,
                            version,
                        )
                        .map_err(|error| error.at_offset(reader.offset()))?;
                    __vmstate::InField::in_field(
                        <u32 as __vmstate::Wire>::load_elements(&mut self.c, reader),
                        "c",
                    )?;
                    __vmstate::walk::end_of_subsections(
                        <Self as __vmstate::VmState>::DESCRIPTION
                            .subsections[1usize]
                            .description,
                        reader,
                    )?;
                }
                2usize => {
                    __vmstate::walk::check_version(
                            <Self as __vmstate::VmState>::DESCRIPTION
                                .subsections[2usize]
                                .description,
                            version,
                        )
                        .map_err(|error| error.at_offset(reader.offset()))?;
                    let value = self
                        .d
                        .get_or_insert_with(|| <Part as __vmstate::core::default::Default>::default());
                    __vmstate::InField::in_field(
                        <Part as __vmstate::Wire>::load_elements(value, reader),
                        "d",
                    )?;
                    __vmstate::walk::end_of_subsections(
                        <Self as __vmstate::VmState>::DESCRIPTION
                            .subsections[2usize]
                            .description,
                        reader,
                    )?;
                }
                3usize => {
                    <Whole as __vmstate::VmState>::load_at(
                        &mut self.e,
                        reader,
                        version,
                    )?;
                }
                4usize => {
                    let value = self
                        .f
                        .get_or_insert_with(|| <Whole as __vmstate::core::default::Default>::default());
                    <Whole as __vmstate::VmState>::load_at(value, reader, version)?;
                }
                _ => {}
            }
            __vmstate::core::result::Result::Ok(())
        }
        #[allow(unused_variables)]
        fn subsection_absent(
            &mut self,
            index: usize,
            checkpoint: bool,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            match index {
                0usize => {
                    self.a = <u8 as __vmstate::core::default::Default>::default();
                    self.b = <u8 as __vmstate::core::default::Default>::default();
                }
                2usize => {
                    self.d = __vmstate::core::option::Option::None;
                }
                4usize => {
                    if checkpoint {
                        self.f = __vmstate::core::option::Option::None;
                    } else {
                        return __vmstate::core::result::Result::Err(
                            __vmstate::walk::missing_subsection(
                                <Self as __vmstate::VmState>::DESCRIPTION
                                    .subsections[4usize]
                                    .description,
                            ),
                        );
                    }
                }
                _ => {}
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
            ! __vmstate::walk::is_ambiguous(< Device as __vmstate::VmState >
            ::DESCRIPTION.subsections[2usize].description.fields[0usize].form, < Device
            as __vmstate::VmState > ::DESCRIPTION.subsections[2usize].description,
            0usize, 1usize, < Device as __vmstate::VmState > ::DESCRIPTION.subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            __vmstate::walk::is_subsection_name(< Device as __vmstate::VmState >
            ::DESCRIPTION.subsections[3usize].description.name, < Device as
            __vmstate::VmState > ::DESCRIPTION.name),
            "the name of this subsection's type must start with the parent's name: \
             add `#[vmstate(name = \"parent/...\")]` to the type"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            __vmstate::walk::is_subsection_name(< Device as __vmstate::VmState >
            ::DESCRIPTION.subsections[4usize].description.name, < Device as
            __vmstate::VmState > ::DESCRIPTION.name),
            "the name of this subsection's type must start with the parent's name: \
             add `#[vmstate(name = \"parent/...\")]` to the type"
        );
    };
    const _: () = {
        __vmstate::core::assert!(
            < Device as __vmstate::VmState > ::DESCRIPTION.subsections[3usize]
            .description.conditional,
            "missing condition: a subsection that every stream has cannot be loaded by an older release; add \
             `#[vmstate(needed = path)]` to its type, or `subsection(always)` if QEMU's has no `.needed` either"
        );
    };
};
