//! Adapters for crates of [rust-vmm](https://github.com/rust-vmm), each behind a feature of the crate's name.
//!
//! | feature | what it adapts |
//! |---|---|
//! | `vm-memory` | guest memory and its dirty bitmap, as blocks of the section `ram`: `vm_memory` |
//! | `vm-superio` | the states of a serial port and of a PL031 clock, as QEMU's sections have them: `vm_superio` |
//! | `virtio-queue` | the state of a virtqueue: `virtio_queue` |
//! | `kvm-bindings` | KVM's registers and in-kernel devices: `kvm_bindings` (only on x86-64) |
//!
//! But for the memory, they are types to be named in an attribute: `#[vmstate(with = Type)]` on a field, or
//! `#[vmstate(with = Each<Type>)]` on an array. Rust allows nobody but those crates, and the one of the trait, to teach
//! `kvm_regs` itself to be a field; and where a type has private fields, as a `Queue` or a `Serial` has, its crate gives
//! out its state and makes a new one of it. So a device of your own holds both:
//!
//! ```
//! # #[cfg(feature = "vm-superio")] {
//! use vm_superio::{Rtc, RtcState, rtc_pl031::NoEvents};
//! use vmstate::adapters::vm_superio::QemuPl031;
//! use vmstate::prelude::*;
//!
//! #[derive(VmState)]
//! #[vmstate(name = "clock", pre_save = Self::take_state, post_load = Self::make_anew)]
//! struct Clock {
//!     #[vmstate(with = QemuPl031)]
//!     state: RtcState,
//!     #[vmstate(skip = "made of its state")]
//!     rtc: Rtc<NoEvents>,
//! }
//!
//! impl Clock {
//!     fn take_state(&mut self) {
//!         self.state = self.rtc.state();
//!     }
//!
//!     fn make_anew(&mut self) {
//!         self.rtc = Rtc::from_state(&self.state, NoEvents);
//!     }
//! }
//! # }
//! ```
//!
//! The versions of those crates are in the type names' place in the API, so a new version of one of them may need a new
//! version of this crate.

#[cfg(all(feature = "kvm-bindings", target_arch = "x86_64"))]
pub mod kvm_bindings;
#[cfg(feature = "virtio-queue")]
pub mod virtio_queue;
#[cfg(feature = "vm-memory")]
pub mod vm_memory;
#[cfg(feature = "vm-superio")]
pub mod vm_superio;
