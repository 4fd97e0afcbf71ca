//! KVM's structs of [`kvm-bindings`](::kvm_bindings) 0.12 to 0.14 (feature `kvm-bindings`, x86-64 only).
//!
//! Name an adapter in `#[vmstate(with = Type)]`. Padding and reserved fields are not sent. Keep lists of variable
//! length, such as MSRs and CPUID leaves, in a `Vec`:
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
//! let mut vcpu = Vcpu::default(); // in `pre_save`, read from the kernel
//! vcpu.regs.rip = 0xfff0;
//! vcpu.msrs.push(kvm_msr_entry { index: 0x10, data: 7, ..Default::default() });
//! let mut writer = Writer::new();
//! vcpu.save(&mut writer)?;
//!
//! let mut other = Vcpu::default(); // in `post_load`, written to the kernel
//! other.load(&mut Reader::from_slice(writer.pending()), 1)?;
//! assert_eq!((other.regs.rip, &other.msrs), (0xfff0, &vcpu.msrs));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - `post_load` must write the state in the order that KVM requires: system registers before the local APIC, MSRs after
//!   it.
//! - `kvm_irqchip` contains a union. Store a `kvm_pic_state` or `kvm_ioapic_state` instead, depending on its `chip_id`.
//! - XSAVE states larger than 4096 bytes and nested guest states have a variable size. Send them with
//!   [`buffer`](crate::attributes).
//! - None of these are QEMU's sections. QEMU converts KVM's structs to its own `CPUX86State` and sends that, with or
//!   without KVM (target/i386/kvm/kvm.c, target/i386/machine.c).
//! - On Arm and RISC-V, most registers are numbers with values (`KVM_GET_ONE_REG`) and need no adapter.

mod chips;
mod registers;
mod state;

pub use chips::{IoApic, Lapic, Pic, Pit, PitChannel};
pub use registers::{DTable, DebugRegs, Fpu, Msr, Regs, Segment, Sregs, Sregs2, Xcr, Xcrs, Xsave};
pub use state::{Clock, Cpuid, MpState, VcpuEvents};
