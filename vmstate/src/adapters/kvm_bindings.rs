//! KVM's structs of the crate [`kvm-bindings`](::kvm_bindings) 0.14 (feature `kvm-bindings`, on x86-64 only).
//!
//! Each type here is to be named in `#[vmstate(with = Type)]`; what the kernel leaves unused is not sent. Where KVM gives
//! out as many as there are, keep them in a `Vec`:
//!
//! ```
//! use kvm_bindings::{kvm_lapic_state, kvm_msr_entry, kvm_regs, kvm_sregs, kvm_vcpu_events};
//! use vmstate::adapters::kvm_bindings::{Lapic, Msr, Regs, Sregs, VcpuEvents};
//! use vmstate::prelude::*;
//!
//! #[derive(VmState, Default)]
//! #[vmstate(name = "vcpu")]
//! struct Vcpu {
//!     #[vmstate(with = Regs)]
//!     regs: kvm_regs,
//!     #[vmstate(with = Sregs)]
//!     sregs: kvm_sregs,
//!     #[vmstate(with = Lapic)]
//!     lapic: kvm_lapic_state,
//!     #[vmstate(with = VcpuEvents)]
//!     events: kvm_vcpu_events,
//!     #[vmstate(count("nmsrs": u32), max = 256, with = Msr)]
//!     msrs: Vec<kvm_msr_entry>,
//! }
//!
//! let mut vcpu = Vcpu::default(); // in `pre_save`, asked of the kernel
//! vcpu.regs.rip = 0xfff0;
//! vcpu.msrs.push(kvm_msr_entry { index: 0x10, data: 7, ..Default::default() });
//! let mut writer = Writer::new();
//! vcpu.save(&mut writer)?;
//!
//! let mut other = Vcpu::default(); // in `post_load`, given to the kernel
//! other.load(&mut Reader::from_slice(writer.pending()), 1)?;
//! assert_eq!((other.regs.rip, &other.msrs), (0xfff0, &vcpu.msrs));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - In which order a vCPU takes these back is KVM's rule (the system registers before the local APIC, the MSRs after it):
//!   that is for your `post_load` to heed.
//! - `kvm_irqchip` holds a union, which `vmstate` does not read: keep a `kvm_pic_state` and a `kvm_ioapic_state` and take
//!   them from the union, by its `chip_id`.
//! - A state of XSAVE that is larger than 4096 bytes, and that of a nested guest, have no size of their own: send their
//!   bytes with [`buffer`](crate::attributes).
//! - None of them are QEMU's sections: QEMU takes KVM's structs apart and sends its own, the same as without KVM.
//! - On Arm and RISC-V nearly all registers are numbers with values (`KVM_GET_ONE_REG`), and need no adapter.

mod chips;
mod registers;
mod state;

pub use chips::{IoApic, Lapic, Pic, Pit, PitChannel};
pub use registers::{DTable, DebugRegs, Fpu, Msr, Regs, Segment, Sregs, Sregs2, Xcr, Xcrs, Xsave};
pub use state::{Clock, Cpuid, MpState, VcpuEvents};
