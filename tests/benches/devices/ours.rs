//! The measured codec: `#[derive(VmState)]`, through `VmState::save` and `VmState::load`.

use vmstate::{Reader, VmState, Writer};

use crate::Codec;

/// This library, with all its checks.
#[derive(Default)]
pub(crate) struct Ours(Writer);

impl<D: VmState> Codec<D> for Ours {
    const NAME: &'static str = "vmstate";

    fn save(&mut self, device: &mut D) {
        self.0.clear();
        device.save(&mut self.0).expect("a state that can be saved");
    }

    fn bytes(&self) -> &[u8] {
        self.0.pending()
    }

    fn load(device: &mut D, bytes: &[u8]) {
        device.load(&mut Reader::from_slice(bytes), D::DESCRIPTION.version).expect("a saved device");
    }
}
