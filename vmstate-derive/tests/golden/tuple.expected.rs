#[allow(deprecated, unused_qualifications, clippy::pedantic)]
const _: () = {
    use renamed::vmstate::__private as __vmstate;
    #[automatically_derived]
    impl __vmstate::VmState for Tuple {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(
                "Tuple",
            )
            .fields(const {
                &[
                    __vmstate::Field::new("0", <u8 as __vmstate::Wire>::FORM),
                    __vmstate::Field::new(
                        "second",
                        <__vmstate::TimerInfo as __vmstate::Codec<Option<u64>>>::FORM,
                    ),
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
                            2usize,
                        )
                    },
                );
                let out = <u8 as __vmstate::Wire>::put_front(&self.0, out);
                let out = <__vmstate::TimerInfo as __vmstate::Codec<
                    Option<u64>,
                >>::put_front(&self.1, out);
                __vmstate::Sink::fixed(
                    sink,
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    0usize..2usize,
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
                            2usize,
                        )
                    },
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    0usize..2usize,
                )?;
                let from = <u8 as __vmstate::Wire>::get_front(&mut self.0, from);
                let from = <__vmstate::TimerInfo as __vmstate::Codec<
                    Option<u64>,
                >>::get_front(&mut self.1, from);
            }
            __vmstate::core::result::Result::Ok(())
        }
    }
    #[automatically_derived]
    impl __vmstate::Wire for Tuple {
        const FORM: __vmstate::Form = __vmstate::Form::structure(
            <Self as __vmstate::VmState>::DESCRIPTION,
        );
        const FIXED: __vmstate::core::option::Option<usize> = __vmstate::walk::sum(
            &[
                <u8 as __vmstate::Wire>::FIXED,
                <__vmstate::TimerInfo as __vmstate::Codec<Option<u64>>>::FIXED,
            ],
        );
        #[inline]
        #[allow(unused_variables)]
        fn put(&self, out: &mut [u8]) {
            let out = <u8 as __vmstate::Wire>::put_front(&self.0, out);
            let out = <__vmstate::TimerInfo as __vmstate::Codec<
                Option<u64>,
            >>::put_front(&self.1, out);
        }
        #[inline]
        #[allow(unused_variables)]
        fn get(&mut self, from: &[u8]) {
            let from = <u8 as __vmstate::Wire>::get_front(&mut self.0, from);
            let from = <__vmstate::TimerInfo as __vmstate::Codec<
                Option<u64>,
            >>::get_front(&mut self.1, from);
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
