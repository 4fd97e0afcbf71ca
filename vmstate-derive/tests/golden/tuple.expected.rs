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
        fn save_fields<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            {
                let offsets = const {
                    __vmstate::walk::offsets::<
                        3usize,
                    >(<Self as __vmstate::VmState>::DESCRIPTION, 0usize)
                };
                let out = __vmstate::Sink::out(sink).claim(offsets[2usize]);
                <u8 as __vmstate::Wire>::put(
                    &self.0,
                    &mut out[offsets[0usize]..offsets[1usize]],
                );
                <__vmstate::TimerInfo as __vmstate::Codec<
                    Option<u64>,
                >>::put(&self.1, &mut out[offsets[1usize]..offsets[2usize]]);
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
                let offsets = const {
                    __vmstate::walk::offsets::<
                        3usize,
                    >(<Self as __vmstate::VmState>::DESCRIPTION, 0usize)
                };
                let from = __vmstate::walk::load_run(
                    reader,
                    offsets[2usize],
                    <Self as __vmstate::VmState>::DESCRIPTION,
                    0usize..2usize,
                )?;
                <u8 as __vmstate::Wire>::get(
                    &mut self.0,
                    &from[offsets[0usize]..offsets[1usize]],
                );
                <__vmstate::TimerInfo as __vmstate::Codec<
                    Option<u64>,
                >>::get(&mut self.1, &from[offsets[1usize]..offsets[2usize]]);
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
            let offsets = const {
                __vmstate::walk::offsets::<
                    3usize,
                >(<Self as __vmstate::VmState>::DESCRIPTION, 0usize)
            };
            <u8 as __vmstate::Wire>::put(
                &self.0,
                &mut out[offsets[0usize]..offsets[1usize]],
            );
            <__vmstate::TimerInfo as __vmstate::Codec<
                Option<u64>,
            >>::put(&self.1, &mut out[offsets[1usize]..offsets[2usize]]);
        }
        #[inline]
        #[allow(unused_variables)]
        fn get(&mut self, from: &[u8]) {
            let offsets = const {
                __vmstate::walk::offsets::<
                    3usize,
                >(<Self as __vmstate::VmState>::DESCRIPTION, 0usize)
            };
            <u8 as __vmstate::Wire>::get(
                &mut self.0,
                &from[offsets[0usize]..offsets[1usize]],
            );
            <__vmstate::TimerInfo as __vmstate::Codec<
                Option<u64>,
            >>::get(&mut self.1, &from[offsets[1usize]..offsets[2usize]]);
        }
        fn save_elements<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            at: __vmstate::At,
            element: __vmstate::Element,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::walk::save_struct(self, sink, at, element)
        }
        fn load_elements(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            __vmstate::walk::load_struct(self, reader)
        }
    }
};
