#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use ::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Plain {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Plain",
            )
            .fields(const {
                &[
                    __vmstate::Field::new("a", <u8 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("b", <[[u16; 2]; 3] as __vmstate::Wire>::FORM),
                    __vmstate::Field::new("c", <bool as __vmstate::Wire>::FORM),
                ]
            });
        #[allow(unused_variables)]
        #[inline]
        fn share_fields<__S: __vmstate::Sink>(
            &self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            {
                let out = __vmstate::Sink::reserve(
                    sink,
                    const {
                        __vmstate::walk::run_size(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            0usize,
                            3usize,
                        )
                    },
                );
                let out = <u8 as __vmstate::Wire>::put_front(&self.a, out);
                let out = <[[u16; 2]; 3] as __vmstate::Wire>::put_front(&self.b, out);
                let out = <bool as __vmstate::Wire>::put_front(&self.c, out);
                __vmstate::Sink::fixed(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    0usize..3usize,
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
                let from = __vmstate::walk::load_run(
                    reader,
                    const {
                        __vmstate::walk::run_size(
                            <Self as __vmstate::VmState>::DESCRIPTION,
                            0usize,
                            3usize,
                        )
                    },
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    0usize..3usize,
                )?;
                let from = <u8 as __vmstate::Wire>::get_front(&mut self.a, from);
                let from = <[[u16; 2]; 3] as __vmstate::Wire>::get_front(
                    &mut self.b,
                    from,
                );
                let from = <bool as __vmstate::Wire>::get_front(&mut self.c, from);
            }
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Plain {
        const FORM: __vmstate::Form = __vmstate::Form::structure(
            <Self as __vmstate::VmState>::DESCRIPTION,
        );
        const FIXED: __vmstate::core::option::Option<usize> = __vmstate::walk::sum(
            &[
                <u8 as __vmstate::Wire>::FIXED,
                <[[u16; 2]; 3] as __vmstate::Wire>::FIXED,
                <bool as __vmstate::Wire>::FIXED,
            ],
        );
        #[inline]
        #[allow(unused_variables)]
        fn put(&self, out: &mut [u8]) {
            let out = <u8 as __vmstate::Wire>::put_front(&self.a, out);
            let out = <[[u16; 2]; 3] as __vmstate::Wire>::put_front(&self.b, out);
            let out = <bool as __vmstate::Wire>::put_front(&self.c, out);
        }
        #[inline]
        #[allow(unused_variables)]
        fn get(&mut self, from: &[u8]) {
            let from = <u8 as __vmstate::Wire>::get_front(&mut self.a, from);
            let from = <[[u16; 2]; 3] as __vmstate::Wire>::get_front(&mut self.b, from);
            let from = <bool as __vmstate::Wire>::get_front(&mut self.c, from);
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
