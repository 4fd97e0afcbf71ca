//! Adapters for [rust-vmm](https://github.com/rust-vmm) crates, each with a feature of the crate's name.
//!
//! | feature | versions | adapts |
//! |---|---|---|
//! | `vm-memory` | 0.16 to 0.18 | guest memory and its dirty bitmaps, as blocks of the section `ram`: `vm_memory` |
//! | `vm-superio` | 0.8 | the states of a serial port and of a PL031 clock, in QEMU's wire format: `vm_superio` |
//! | `virtio-queue` | 0.16 to 0.18 | the state of a virtqueue: `virtio_queue` |
//! | `kvm-bindings` | 0.12 to 0.14 | KVM's registers and in-kernel devices: `kvm_bindings` (x86-64 only) |
//!
//! The feature `kvm-ioctls` (0.22 to 0.25) enables KVM's dirty log in [`memory`](crate::memory).
//!
//! Except for guest memory, each adapter is a type to name in an attribute: `#[vmstate(with = Type)]` on a field,
//! `#[vmstate(with = Each<Type>)]` on an array. The orphan rule prevents this crate from implementing its traits for
//! `kvm_regs` itself. Types with private fields, such as `Queue` and `Serial`, have a state that can be taken out and
//! turned back into a device. A device struct therefore contains both:
//!
//! ```
//! # #[cfg(feature = "vm-superio")] {
//! use vm_superio::{Rtc, RtcState, rtc_pl031::NoEvents};
//! use vmstate::adapters::vm_superio::QemuPl031;
//! use vmstate::prelude::*;
//!
//! #[derive(VmState)]
//! #[vmstate(name = "clock", pre_save = Self::copy_state, post_load = Self::rebuild)]
//! struct Clock {
//!     #[vmstate(with = QemuPl031)]
//!     state: RtcState,
//!     #[vmstate(skip = "rebuilt from its state")]
//!     rtc: Rtc<NoEvents>,
//! }
//!
//! impl Clock {
//!     fn copy_state(&mut self) {
//!         self.state = self.rtc.state();
//!     }
//!
//!     fn rebuild(&mut self) {
//!         self.rtc = Rtc::from_state(&self.state, NoEvents);
//!     }
//! }
//! # }
//! ```
//!
//! # Versions
//!
//! These crates are public dependencies: their types appear in this API, so dropping support for a version is a
//! breaking change. The ranges include the versions that cloud-hypervisor and Firecracker use, and the tests run with
//! both ends of each range. Cargo picks the newest version in a range even if your program depends on an older one,
//! which results in two incompatible copies of the crate. In that case select your version:
//!
//! ```sh
//! cargo update vm-memory@0.18.0 --precise 0.16.1
//! ```

#[cfg(all(feature = "kvm-bindings", target_arch = "x86_64"))]
pub mod kvm_bindings;
#[cfg(feature = "virtio-queue")]
pub mod virtio_queue;
#[cfg(feature = "vm-memory")]
pub mod vm_memory;
#[cfg(feature = "vm-superio")]
pub mod vm_superio;
