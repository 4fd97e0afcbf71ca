#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Hooks {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "hooks",
            )
            .hooks(__vmstate::Hooks::NONE.pre_save().post_save().pre_load().post_load())
            .fields(const {
                &[__vmstate::Field::new("a", <u8 as __vmstate::Wire>::FORM)]
            })
            .priority(__vmstate::Priority::Iommu)
            .unmigratable()
            .early_setup()
            .conditional();
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> = __vmstate::walk::exclusive(
            &[
                __vmstate::hook::saving::<Self, _, _>(Self::pre_save)
                    .exclusive(
                        "`Hooks` cannot be saved through `&self`: the hook `pre_save` takes `&mut self`; save it with `save`, or let the hook take `&self`",
                    ),
                __vmstate::hook::saving::<Self, _, _>(crate::post_save)
                    .exclusive(
                        "`Hooks` cannot be saved through `&self`: the hook `post_save` takes `&mut self`; save it with `save`, or let the hook take `&self`",
                    ),
            ],
        );
        #[allow(unused_variables)]
        #[inline]
        fn share_fields<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::InField::in_field(
                <u8 as __vmstate::Wire>::share_elements(
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
                <u8 as __vmstate::Wire>::load_elements(&mut self.a, reader),
                "a",
            )?;
            __vmstate::core::result::Result::Ok(())
        }
        fn needed(&self) -> bool {
            __vmstate::hook::holds(
                &*self,
                <Self as __vmstate::VmState>::DESCRIPTION.version,
                Self::needed,
            )
        }
        fn pre_save(
            this: __vmstate::hook::Access<'_, Self>,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::hook::saving::<Self, _, _>(Self::pre_save)
                .run("pre_save", this, version)
        }
        fn post_save(
            this: __vmstate::hook::Access<'_, Self>,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::hook::saving::<Self, _, _>(crate::post_save)
                .run("post_save", this, version)
        }
        fn pre_load(
            &mut self,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            __vmstate::hook::pre_load(
                self,
                version,
                <Self as __vmstate::VmState>::DESCRIPTION,
                Self::pre_load,
            )
        }
        fn post_load(
            &mut self,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            __vmstate::hook::post_load(
                self,
                version,
                <Self as __vmstate::VmState>::DESCRIPTION,
                Self::post_load,
            )
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Hooks {
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
};
