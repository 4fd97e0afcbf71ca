//! `wincode`, with both orders of bytes: big-endian as on QEMU's wire, and its own, for which nothing is swapped.

use std::marker::PhantomData;

use wincode::config::{self, Config, Configuration, DefaultConfig};
use wincode::int_encoding::BigEndian;
use wincode::len::BincodeLen;

use crate::Codec;

/// A configuration, and its name in the table.
pub(crate) trait Order {
    const NAME: &'static str;
    const CONFIG: Self::Config;
    type Config: Config;
}

/// The order of `wincode` itself.
#[derive(Default)]
pub(crate) struct Little;

impl Order for Little {
    const NAME: &'static str = "wincode (little-endian)";
    const CONFIG: DefaultConfig = DefaultConfig::default();
    type Config = DefaultConfig;
}

/// The order of QEMU's wire.
#[derive(Default)]
pub(crate) struct Big;

/// The result of `with_big_endian`.
type BigConfig = Configuration<
    true,
    { config::DEFAULT_PREALLOCATION_SIZE_LIMIT },
    BincodeLen,
    BigEndian,
    wincode::int_encoding::FixInt,
    u32,
    { config::DEFAULT_DESERIALIZATION_SIZE_LIMIT },
>;

impl Order for Big {
    const NAME: &'static str = "wincode";
    const CONFIG: BigConfig = DefaultConfig::default().with_big_endian();
    type Config = BigConfig;
}

/// `wincode`, which writes into the vector's spare room.
#[derive(Default)]
pub(crate) struct Wincode<O>(Vec<u8>, PhantomData<O>);

impl<D, O: Order> Codec<D> for Wincode<O>
where
    D: wincode::SchemaWrite<O::Config, Src = D> + for<'a> wincode::SchemaRead<'a, O::Config, Dst = D>,
{
    const NAME: &'static str = O::NAME;

    fn save(&mut self, device: &mut D) {
        self.0.clear();
        config::serialize_into(&mut self.0, device, O::CONFIG).expect("a vector takes everything");
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn load(device: &mut D, bytes: &[u8]) {
        *device = config::deserialize(bytes, O::CONFIG).expect("a saved device");
    }
}
