//! The RISC-V processor core: QEMU's section "cpu" on its RISC-V machines.
//!
//! The fields follow QEMU's `vmstate_riscv_cpu` (`target/riscv/machine.c`) and its subsections. QEMU 7.2 has version 5,
//! QEMU 10.0 version 10, and neither loads the other's. A [`Cpu`] supports both: fields of one release are conditional,
//! and fields with a changed width or layout are converted in both directions.

use std::fmt::Debug;

use vmstate::Wire;
use vmstate::prelude::*;

pub use counters::{Counter, CounterOf7_2};
pub use extensions::{Ctr, Elp, EnvCfg, PointerMasking, ShadowStack, StateEnable, Trigger, Vector};
pub use hypervisor::Hypervisor;
pub use pmp::{Pmp, PmpEntry};

mod counters;
mod extensions;
mod hypervisor;
mod pmp;

/// The version of QEMU 7.2.
pub const VERSION_OF_7_2: u32 = 5;

/// The width of the registers: `u32` or `u64`, QEMU's `target_ulong`.
pub trait Xlen: Wire + Copy + Default + Debug + Eq + From<u32> + Into<u64> {
    /// The width field of `misa`.
    const MXL: u32;
}

impl Xlen for u32 {
    const MXL: Self = 1;
}

impl Xlen for u64 {
    const MXL: u32 = 2;
}

/// A hardware thread.
///
/// The subsections depend on the core's capabilities, and so on the machine's configuration. They are `Some` if they
/// were in the stream; QEMU's predicates use the configuration.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(
    name = "cpu",
    version = 10,
    minimum_version = 5,
    pre_load = Self::knows,
    post_load = Self::take_over,
    pre_save = Self::prepare
)]
pub struct Cpu<X: Xlen = u64> {
    /// The registers x0 to x31.
    #[vmstate(name = "env.gpr")]
    pub gpr: [X; 32],
    /// The registers f0 to f31.
    #[vmstate(name = "env.fpr")]
    pub fpr: [u64; 32],
    /// The interrupt priorities of machine mode (AIA's `iprio` registers).
    #[vmstate(name = "env.miprio")]
    pub miprio: [[u8; 8]; 8],
    /// The interrupt priorities of supervisor mode.
    #[vmstate(name = "env.siprio")]
    pub siprio: [[u8; 8]; 8],
    /// The program counter.
    #[vmstate(name = "env.pc")]
    pub pc: X,
    /// The address reserved by `lr`, or all ones.
    #[vmstate(name = "env.load_res")]
    pub load_res: X,
    /// The value loaded by `lr`.
    #[vmstate(name = "env.load_val")]
    pub load_val: X,
    /// The floating-point rounding mode.
    #[vmstate(name = "env.frm")]
    pub frm: X,
    /// The faulting address.
    #[vmstate(name = "env.badaddr")]
    pub badaddr: X,
    /// The faulting guest-physical address.
    #[vmstate(name = "env.guest_phys_fault_addr")]
    pub guest_phys_fault_addr: X,
    /// The version of the privileged specification, with QEMU's numbering.
    #[vmstate(name = "env.priv_ver")]
    pub priv_ver: X,
    /// The version of the vector extension, with QEMU's numbering.
    #[vmstate(name = "env.vext_ver")]
    pub vext_ver: X,
    /// The register width in `misa`: 1 for 32, 2 for 64 bits.
    #[vmstate(name = "env.misa_mxl")]
    pub misa_mxl: u32,
    /// The extensions in `misa`, one bit per letter.
    #[vmstate(name = "env.misa_ext")]
    pub misa_ext: u32,
    /// The maximum register width. QEMU 10.0 takes it from the CPU model.
    #[vmstate(name = "env.misa_mxl_max", until = 5)]
    pub misa_mxl_max: u32,
    /// Padding of the former maximum width.
    #[vmstate(name = "unused", since = 10)]
    pub was_misa_mxl_max: Unused<4>,
    /// The extensions that can be enabled.
    #[vmstate(name = "env.misa_ext_mask")]
    pub misa_ext_mask: u32,
    /// The features of the model, with QEMU's bits: MMU, PMP, debug triggers.
    #[vmstate(name = "env.features", until = 5)]
    pub features: u32,
    /// The privilege: 0 user, 1 supervisor, 3 machine.
    #[vmstate(name = "env.priv")]
    pub privilege: X,
    /// True if a hypervisor's guest runs. QEMU 7.2 sends it as a number.
    #[vmstate(removed("env.virt": X, until = 5, with = Self::set_virt, from = Self::virt))]
    #[vmstate(name = "env.virt_enabled", since = 10)]
    pub virt_enabled: bool,
    /// The reset vector.
    #[vmstate(name = "env.resetvec")]
    pub resetvec: u64,
    /// The hart ID.
    #[vmstate(name = "env.mhartid")]
    pub mhartid: X,
    /// The status register of all modes.
    #[vmstate(name = "env.mstatus")]
    pub mstatus: u64,
    /// The pending interrupts.
    #[vmstate(name = "env.mip")]
    pub mip: u64,
    /// The pending interrupts that devices control.
    #[vmstate(name = "env.miclaim")]
    pub miclaim: u64,
    /// The enabled interrupts.
    #[vmstate(name = "env.mie")]
    pub mie: u64,
    /// The enabled virtual interrupts of supervisor mode.
    #[vmstate(name = "env.mvien", since = 10)]
    pub mvien: u64,
    /// The pending virtual interrupts of supervisor mode.
    #[vmstate(name = "env.mvip", since = 10)]
    pub mvip: u64,
    /// The interrupts enabled for supervisor mode only.
    #[vmstate(name = "env.sie", since = 10)]
    pub sie: u64,
    /// The delegated interrupts.
    #[vmstate(name = "env.mideleg")]
    pub mideleg: u64,
    /// The page table.
    #[vmstate(name = "env.satp")]
    pub satp: X,
    /// The supervisor trap value.
    #[vmstate(name = "env.stval")]
    pub stval: X,
    /// The delegated exceptions.
    #[vmstate(name = "env.medeleg")]
    pub medeleg: X,
    /// The supervisor trap vector.
    #[vmstate(name = "env.stvec")]
    pub stvec: X,
    /// The supervisor exception program counter.
    #[vmstate(name = "env.sepc")]
    pub sepc: X,
    /// The supervisor trap cause.
    #[vmstate(name = "env.scause")]
    pub scause: X,
    /// The machine trap vector.
    #[vmstate(name = "env.mtvec")]
    pub mtvec: X,
    /// The machine exception program counter.
    #[vmstate(name = "env.mepc")]
    pub mepc: X,
    /// The machine trap cause.
    #[vmstate(name = "env.mcause")]
    pub mcause: X,
    /// The machine trap value.
    #[vmstate(name = "env.mtval")]
    pub mtval: X,
    /// The register selected by `miselect`.
    #[vmstate(name = "env.miselect")]
    pub miselect: X,
    /// The register selected by `siselect`.
    #[vmstate(name = "env.siselect")]
    pub siselect: X,
    /// `scounteren`, with the width of a register.
    #[vmstate(name = "env.scounteren", until = 5)]
    pub scounteren_of_7_2: X,
    /// `mcounteren`, with the width of a register.
    #[vmstate(name = "env.mcounteren", until = 5)]
    pub mcounteren_of_7_2: X,
    /// `mcountinhibit`, with the width of a register.
    #[vmstate(name = "env.mcountinhibit", until = 5)]
    pub mcountinhibit_of_7_2: X,
    /// The counters that user mode may read.
    #[vmstate(name = "env.scounteren", since = 10)]
    pub scounteren: u32,
    /// The counters that supervisor mode may read.
    #[vmstate(name = "env.mcounteren", since = 10)]
    pub mcounteren: u32,
    /// The counters stopped by supervisor mode.
    #[vmstate(name = "env.scountinhibit", since = 10)]
    pub scountinhibit: u32,
    /// The stopped counters.
    #[vmstate(name = "env.mcountinhibit", since = 10)]
    pub mcountinhibit: u32,
    /// The counters of QEMU 7.2, each with a flag.
    #[vmstate(name = "env.pmu_ctrs", until = 5)]
    pub pmu_ctrs_of_7_2: [CounterOf7_2<X>; 32],
    /// The counters.
    #[vmstate(name = "env.pmu_ctrs", since = 10)]
    pub pmu_ctrs: [Counter<X>; 32],
    /// The event of each counter.
    #[vmstate(name = "env.mhpmevent_val")]
    pub mhpmevent_val: [X; 32],
    /// The high halves of the events, on 32-bit cores.
    #[vmstate(name = "env.mhpmeventh_val")]
    pub mhpmeventh_val: [X; 32],
    /// The scratch register of supervisor mode.
    #[vmstate(name = "env.sscratch")]
    pub sscratch: X,
    /// The scratch register of machine mode.
    #[vmstate(name = "env.mscratch")]
    pub mscratch: X,
    /// The host's message on HTIF. QEMU 10.0 has it in another section.
    #[vmstate(name = "env.mfromhost", until = 5)]
    pub mfromhost: u64,
    /// The guest's message on HTIF.
    #[vmstate(name = "env.mtohost", until = 5)]
    pub mtohost: u64,
    /// The supervisor timer's compare value.
    #[vmstate(name = "env.stimecmp")]
    pub stimecmp: u64,

    /// Physical memory protection.
    #[vmstate(subsection)]
    pub pmp: Option<Pmp<X>>,
    /// The hypervisor registers.
    #[vmstate(subsection(was(..=5 => 2)))]
    pub hypervisor: Option<Hypervisor<X>>,
    /// The vector registers.
    #[vmstate(subsection)]
    pub vector: Option<Vector<X>>,
    /// Pointer masking, only in QEMU 7.2.
    #[vmstate(subsection)]
    pub pointer_masking: Option<PointerMasking<X>>,
    /// The environment configuration of less privileged modes.
    #[vmstate(subsection)]
    pub envcfg: Option<EnvCfg<X>>,
    /// The debug triggers.
    #[vmstate(subsection)]
    pub trigger: Option<Trigger<X>>,
    /// The state enable registers.
    #[vmstate(subsection)]
    pub state_enable: Option<StateEnable>,
    /// The landing pad state.
    #[vmstate(subsection)]
    pub elp: Option<Elp>,
    /// The shadow stack.
    #[vmstate(subsection)]
    pub shadow_stack: Option<ShadowStack<X>>,
    /// The control transfer records.
    #[vmstate(subsection)]
    pub ctr: Option<Ctr>,
}

impl<X: Xlen> Cpu<X> {
    /// The bits of `features` for MMU, PMP and triggers.
    const USUAL_FEATURES: u32 = 0x13;

    /// Rejects the versions of QEMU 8 and 9, which have different fields.
    fn knows(&mut self, version: u32) -> Result<(), LoadError> {
        match version {
            VERSION_OF_7_2 | 10 => Ok(()),
            other => Err(LoadError::rejected("version 5 (QEMU 7.2) or 10 (QEMU 10.0) of `cpu`", other)),
        }
    }

    /// Converts the fields of QEMU 7.2 whose format changed later.
    fn take_over(&mut self, version: u32) {
        if version == VERSION_OF_7_2 {
            self.scounteren = low_half(self.scounteren_of_7_2);
            self.mcounteren = low_half(self.mcounteren_of_7_2);
            self.mcountinhibit = low_half(self.mcountinhibit_of_7_2);
            self.pmu_ctrs = self.pmu_ctrs_of_7_2.each_ref().map(CounterOf7_2::now);
        }
    }

    /// Converts fields back to QEMU 7.2. Fields unknown to 10.0 keep their loaded values.
    fn prepare(&mut self, version: u32) {
        if version == VERSION_OF_7_2 {
            self.scounteren_of_7_2 = widened(self.scounteren_of_7_2, self.scounteren);
            self.mcounteren_of_7_2 = widened(self.mcounteren_of_7_2, self.mcounteren);
            self.mcountinhibit_of_7_2 = widened(self.mcountinhibit_of_7_2, self.mcountinhibit);
            for (old, counter) in self.pmu_ctrs_of_7_2.iter_mut().zip(&self.pmu_ctrs) {
                old.set(counter);
            }
        }
    }

    fn set_virt(&mut self, virt: X) {
        self.virt_enabled = low_half(virt) & 1 != 0;
    }

    fn virt(&self) -> X {
        u32::from(self.virt_enabled).into()
    }
}

/// Returns the lower 32 bits.
fn low_half<X: Xlen>(register: X) -> u32 {
    let [.., a, b, c, d] = Into::<u64>::into(register).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Returns `wide` if it has these lower bits, otherwise the lower bits.
fn widened<X: Xlen>(wide: X, narrow: u32) -> X {
    if low_half(wide) == narrow { wide } else { narrow.into() }
}

impl<X: Xlen> Default for Cpu<X> {
    /// Creates a core after reset, without extensions and subsections.
    fn default() -> Self {
        let zero = X::default();
        Self {
            gpr: [zero; 32],
            fpr: [0; 32],
            miprio: [[0; 8]; 8],
            siprio: [[0; 8]; 8],
            pc: zero,
            load_res: zero,
            load_val: zero,
            frm: zero,
            badaddr: zero,
            guest_phys_fault_addr: zero,
            priv_ver: zero,
            vext_ver: zero,
            misa_mxl: X::MXL,
            misa_ext: 0,
            misa_mxl_max: X::MXL,
            was_misa_mxl_max: Unused,
            misa_ext_mask: 0,
            features: Self::USUAL_FEATURES,
            privilege: 3.into(),
            virt_enabled: false,
            resetvec: 0,
            mhartid: zero,
            mstatus: 0,
            mip: 0,
            miclaim: 0,
            mie: 0,
            mvien: 0,
            mvip: 0,
            sie: 0,
            mideleg: 0,
            satp: zero,
            stval: zero,
            medeleg: zero,
            stvec: zero,
            sepc: zero,
            scause: zero,
            mtvec: zero,
            mepc: zero,
            mcause: zero,
            mtval: zero,
            miselect: zero,
            siselect: zero,
            scounteren_of_7_2: zero,
            mcounteren_of_7_2: zero,
            mcountinhibit_of_7_2: zero,
            scounteren: 0,
            mcounteren: 0,
            scountinhibit: 0,
            mcountinhibit: 0,
            pmu_ctrs_of_7_2: Default::default(),
            pmu_ctrs: Default::default(),
            mhpmevent_val: [zero; 32],
            mhpmeventh_val: [zero; 32],
            sscratch: zero,
            mscratch: zero,
            mfromhost: 0,
            mtohost: 0,
            stimecmp: 0,
            pmp: None,
            hypervisor: None,
            vector: None,
            pointer_masking: None,
            envcfg: None,
            trigger: None,
            state_enable: None,
            elp: None,
            shadow_stack: None,
            ctr: None,
        }
    }
}
