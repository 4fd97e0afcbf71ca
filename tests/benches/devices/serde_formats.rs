//! Formats of serde: `bincode`, `bitcode`, `postcard` and `serde_json`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Codec;

/// `postcard`, which writes integers with as many bytes as their value needs.
#[derive(Default)]
pub(crate) struct Postcard(Vec<u8>);

impl<D: Serialize + DeserializeOwned> Codec<D> for Postcard {
    const NAME: &'static str = "postcard";

    fn save(&mut self, device: &mut D) {
        self.0.clear();
        let buffer = std::mem::take(&mut self.0);
        self.0 = postcard::to_extend(device, buffer).expect("a state that can be saved");
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn load(device: &mut D, bytes: &[u8]) {
        *device = postcard::from_bytes(bytes).expect("a saved device");
    }
}

/// `serde_json`.
#[derive(Default)]
pub(crate) struct Json(Vec<u8>);

impl<D: Serialize + DeserializeOwned> Codec<D> for Json {
    const NAME: &'static str = "serde_json";

    fn save(&mut self, device: &mut D) {
        self.0.clear();
        serde_json::to_writer(&mut self.0, device).expect("a state that can be saved");
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn load(device: &mut D, bytes: &[u8]) {
        *device = serde_json::from_slice(bytes).expect("a saved device");
    }
}

/// `bincode` 2 through serde, with its standard configuration.
#[derive(Default)]
pub(crate) struct SerdeBincode(Vec<u8>);

impl<D: Serialize + DeserializeOwned> Codec<D> for SerdeBincode {
    const NAME: &'static str = "bincode (serde)";

    fn save(&mut self, device: &mut D) {
        self.0.clear();
        bincode::serde::encode_into_std_write(&*device, &mut self.0, bincode::config::standard())
            .expect("a state that can be saved");
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn load(device: &mut D, bytes: &[u8]) {
        let decoded = bincode::serde::decode_from_slice(bytes, bincode::config::standard());
        *device = decoded.expect("a saved device").0;
    }
}

/// `bitcode` through serde. It has no function that reuses a buffer.
#[derive(Default)]
pub(crate) struct Bitcode(Vec<u8>);

impl<D: Serialize + DeserializeOwned> Codec<D> for Bitcode {
    const NAME: &'static str = "bitcode (serde)";

    fn save(&mut self, device: &mut D) {
        self.0 = bitcode::serialize(device).expect("a state that can be saved");
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn load(device: &mut D, bytes: &[u8]) {
        *device = bitcode::deserialize(bytes).expect("a saved device");
    }
}
