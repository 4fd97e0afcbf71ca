//! Codecs with separate derives. The byte order is QEMU's where it can be configured; `borsh`, `rkyv` and
//! `savefile` write little-endian integers, which for most processors are a copy.

use bincode::config::{BigEndian, Configuration, Fixint};
use rkyv::util::AlignedVec;
use speedy::Endianness;

use crate::Codec;

/// `bincode` 2, with integers of fixed size, big-endian.
#[derive(Default)]
pub(crate) struct Bincode {
    buffer: Vec<u8>,
    used: usize,
}

const BINCODE: Configuration<BigEndian, Fixint> =
    bincode::config::standard().with_big_endian().with_fixed_int_encoding();

impl<D: bincode::Encode + bincode::Decode<()>> Codec<D> for Bincode {
    const NAME: &'static str = "bincode";

    fn save(&mut self, device: &mut D) {
        self.buffer.resize(ROOM, 0);
        self.used = bincode::encode_into_slice(&*device, &mut self.buffer, BINCODE).expect("room enough");
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.used]
    }

    fn load(device: &mut D, bytes: &[u8]) {
        *device = bincode::decode_from_slice(bytes, BINCODE).expect("a saved device").0;
    }
}

/// More than any of the devices takes.
const ROOM: usize = 128 * 1024;

/// `borsh`.
#[derive(Default)]
pub(crate) struct Borsh(Vec<u8>);

impl<D: borsh::BorshSerialize + borsh::BorshDeserialize> Codec<D> for Borsh {
    const NAME: &'static str = "borsh";

    fn save(&mut self, device: &mut D) {
        self.0.clear();
        borsh::to_writer(&mut self.0, device).expect("a vector takes everything");
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn load(device: &mut D, bytes: &[u8]) {
        *device = borsh::from_slice(bytes).expect("a saved device");
    }
}

/// `rkyv`, whose bytes are checked and then made a device of.
#[derive(Default)]
pub(crate) struct Rkyv(AlignedVec);

impl<D> Codec<D> for Rkyv
where
    D: rkyv::Archive
        + for<'a> rkyv::Serialize<
            rkyv::api::high::HighSerializer<AlignedVec, rkyv::ser::allocator::ArenaHandle<'a>, rkyv::rancor::Error>,
        >,
    D::Archived: for<'a> rkyv::bytecheck::CheckBytes<rkyv::api::high::HighValidator<'a, rkyv::rancor::Error>>
        + rkyv::Deserialize<D, rkyv::api::high::HighDeserializer<rkyv::rancor::Error>>,
{
    const NAME: &'static str = "rkyv";

    fn save(&mut self, device: &mut D) {
        self.0.clear();
        let buffer = std::mem::take(&mut self.0);
        self.0 = rkyv::api::high::to_bytes_in(device, buffer).expect("a state that can be saved");
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn load(device: &mut D, bytes: &[u8]) {
        *device = rkyv::from_bytes::<D, rkyv::rancor::Error>(bytes).expect("a saved device");
    }
}

/// `savefile`, without its header and schema.
#[derive(Default)]
pub(crate) struct Savefile(Vec<u8>);

impl<D: savefile::Serialize + savefile::Deserialize> Codec<D> for Savefile {
    const NAME: &'static str = "savefile";

    fn save(&mut self, device: &mut D) {
        self.0.clear();
        savefile::Serializer::bare_serialize(&mut self.0, 0, device).expect("a vector takes everything");
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn load(device: &mut D, mut bytes: &[u8]) {
        *device = savefile::Deserializer::bare_deserialize(&mut bytes, 0).expect("a saved device");
    }
}

/// `speedy`, big-endian.
#[derive(Default)]
pub(crate) struct Speedy {
    buffer: Vec<u8>,
    used: usize,
}

impl<D: speedy::Writable<Endianness> + for<'a> speedy::Readable<'a, Endianness>> Codec<D> for Speedy {
    const NAME: &'static str = "speedy";

    fn save(&mut self, device: &mut D) {
        self.used = device.bytes_needed().expect("a length");
        self.buffer.resize(self.used.max(self.buffer.len()), 0);
        device.write_to_buffer_with_ctx(Endianness::BigEndian, &mut self.buffer[..self.used]).expect("room enough");
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.used]
    }

    fn load(device: &mut D, bytes: &[u8]) {
        *device = D::read_from_buffer_with_ctx(Endianness::BigEndian, bytes).expect("a saved device");
    }
}
