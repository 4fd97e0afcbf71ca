//! The adapters' tests, which `all` has too, with the versions of this workspace.

#[path = "../../tests/all/adapters/kvm.rs"]
mod kvm;
#[path = "../../tests/all/adapters/memory.rs"]
mod memory;
#[path = "../../tests/all/adapters/superio.rs"]
mod superio;
#[path = "../../tests/all/adapters/virtio.rs"]
mod virtio;
