//! The RISC-V processor core: QEMU's section "cpu" on its RISC-V machines.
//!
//! The fields follow QEMU's `vmstate_riscv_cpu` (`target/riscv/machine.c`) and its subsections. QEMU 7.2 has version 5,
//! QEMU 10.0 version 10 and QEMU 11.1 version 12, and none loads another's. A [`Cpu`] supports all of them: fields of one
//! release are conditional, and fields with a changed width or layout are converted in both directions.
//!
//! A core has 64 bits. QEMU 11.1 sends registers with this width for cores of 32 bits, too.

use vmstate::prelude::*;
use vmstate::schema::Release;

pub use counters::{Counter, CounterOf7_2, CounterOf10_0};
pub use extensions::{
    Ctr, Elp, EnvCfg, PointerMasking, SecurityConfig, ShadowStack, StateEnable, Timers, Trigger, Vector,
};
pub use hypervisor::Hypervisor;
use narrow::{narrowed, widened};
pub use pmp::{Pmp, PmpEntry, PmpEntryOf10_0};

mod counters;
mod extensions;
mod hypervisor;
mod narrow;
mod pmp;

/// The version of QEMU 7.2.
pub const VERSION_OF_7_2: u32 = 5;

/// The version of QEMU 10.0.
pub const VERSION_OF_10_0: u32 = 10;

/// Returns the version of a release.
#[must_use]
pub fn version(release: Release) -> u32 {
    match release {
        Release::Qemu7_2 => VERSION_OF_7_2,
        Release::Qemu10_0 => VERSION_OF_10_0,
        _ => Cpu::DESCRIPTION.version,
    }
}

/// A hardware thread.
///
/// The subsections depend on the core's capabilities, and so on the machine's configuration. They are `Some` if they
/// were in the stream; QEMU's predicates use the configuration.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(
    name = "cpu",
    version = 12,
    minimum_version = 5,
    pre_load = Self::knows,
    post_load = Self::take_over,
    pre_save = Self::prepare,
    post_save = Self::restore
)]
pub struct Cpu {
    /// The registers x0 to x31.
    #[vmstate(name = "env.gpr")]
    pub gpr: [u64; 32],
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
    pub pc: u64,
    /// The address reserved by `lr`, or all ones.
    #[vmstate(name = "env.load_res")]
    pub load_res: u64,
    /// The value loaded by `lr`.
    #[vmstate(name = "env.load_val")]
    pub load_val: u64,
    /// `frm` with the width of a register, up to QEMU 10.0.
    #[vmstate(name = "env.frm", until = 10)]
    pub wide_frm: u64,
    /// The floating-point rounding mode.
    #[vmstate(name = "env.frm", since = 12)]
    pub frm: u8,
    /// The faulting address.
    #[vmstate(name = "env.badaddr")]
    pub badaddr: u64,
    /// The faulting guest-physical address.
    #[vmstate(name = "env.guest_phys_fault_addr")]
    pub guest_phys_fault_addr: u64,
    /// `priv_ver` with the width of a register, up to QEMU 10.0.
    #[vmstate(name = "env.priv_ver", until = 10)]
    pub wide_priv_ver: u64,
    /// The version of the privileged specification, with QEMU's numbering.
    #[vmstate(name = "env.priv_ver", since = 12)]
    pub priv_ver: u32,
    /// `vext_ver` with the width of a register, up to QEMU 10.0.
    #[vmstate(name = "env.vext_ver", until = 10)]
    pub wide_vext_ver: u64,
    /// The version of the vector extension, with QEMU's numbering.
    #[vmstate(name = "env.vext_ver", since = 12)]
    pub vext_ver: u32,
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
    /// `privilege` with the width of a register, up to QEMU 10.0.
    #[vmstate(name = "env.priv", until = 10)]
    pub wide_privilege: u64,
    /// The privilege: 0 user, 1 supervisor, 3 machine.
    #[vmstate(name = "env.priv", since = 12)]
    pub privilege: u8,
    /// True if a hypervisor's guest runs. QEMU 7.2 sends it as a number.
    #[vmstate(removed("env.virt": u64, until = 5, with = Self::set_virt, from = Self::virt))]
    #[vmstate(name = "env.virt_enabled", since = 10)]
    pub virt_enabled: bool,
    /// The reset vector.
    #[vmstate(name = "env.resetvec")]
    pub resetvec: u64,
    /// The hart ID.
    #[vmstate(name = "env.mhartid")]
    pub mhartid: u64,
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
    pub satp: u64,
    /// The supervisor trap value.
    #[vmstate(name = "env.stval")]
    pub stval: u64,
    /// The delegated exceptions.
    #[vmstate(name = "env.medeleg")]
    pub medeleg: u64,
    /// The supervisor trap vector.
    #[vmstate(name = "env.stvec")]
    pub stvec: u64,
    /// The supervisor exception program counter.
    #[vmstate(name = "env.sepc")]
    pub sepc: u64,
    /// The supervisor trap cause.
    #[vmstate(name = "env.scause")]
    pub scause: u64,
    /// The machine trap vector.
    #[vmstate(name = "env.mtvec")]
    pub mtvec: u64,
    /// The machine exception program counter.
    #[vmstate(name = "env.mepc")]
    pub mepc: u64,
    /// The machine trap cause.
    #[vmstate(name = "env.mcause")]
    pub mcause: u64,
    /// The machine trap value.
    #[vmstate(name = "env.mtval")]
    pub mtval: u64,
    /// `miselect` with the width of a register, up to QEMU 10.0.
    #[vmstate(name = "env.miselect", until = 10)]
    pub wide_miselect: u64,
    /// The register selected by `miselect`.
    #[vmstate(name = "env.miselect", since = 12)]
    pub miselect: u16,
    /// `siselect` with the width of a register, up to QEMU 10.0.
    #[vmstate(name = "env.siselect", until = 10)]
    pub wide_siselect: u64,
    /// The register selected by `siselect`.
    #[vmstate(name = "env.siselect", since = 12)]
    pub siselect: u16,
    /// `scounteren`, with the width of a register.
    #[vmstate(name = "env.scounteren", until = 5)]
    pub scounteren_of_7_2: u64,
    /// `mcounteren`, with the width of a register.
    #[vmstate(name = "env.mcounteren", until = 5)]
    pub mcounteren_of_7_2: u64,
    /// `mcountinhibit`, with the width of a register.
    #[vmstate(name = "env.mcountinhibit", until = 5)]
    pub mcountinhibit_of_7_2: u64,
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
    pub pmu_ctrs_of_7_2: [CounterOf7_2; 32],
    /// The counters of QEMU 10.0, in halves.
    #[vmstate(name = "env.pmu_ctrs", since = 10, until = 10)]
    pub pmu_ctrs_of_10_0: [CounterOf10_0; 32],
    /// The counters.
    #[vmstate(name = "env.pmu_ctrs", since = 12)]
    pub pmu_ctrs: [Counter; 32],
    /// The event of each counter.
    #[vmstate(name = "env.mhpmevent_val")]
    pub mhpmevent_val: [u64; 32],
    /// The high halves of the events, on 32-bit cores. QEMU 11.1 sends them in the events.
    #[vmstate(name = "env.mhpmeventh_val", until = 10)]
    pub mhpmeventh_val: [u64; 32],
    /// The scratch register of supervisor mode.
    #[vmstate(name = "env.sscratch")]
    pub sscratch: u64,
    /// The scratch register of machine mode.
    #[vmstate(name = "env.mscratch")]
    pub mscratch: u64,
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
    #[vmstate(subsection(was(..=10 => 1)))]
    pub pmp: Option<Pmp>,
    /// The hypervisor registers.
    #[vmstate(subsection(was(..=5 => 2, ..=10 => 4)))]
    pub hypervisor: Option<Hypervisor>,
    /// The vector registers.
    #[vmstate(subsection(was(..=10 => 2)))]
    pub vector: Option<Vector>,
    /// Pointer masking, only in QEMU 7.2.
    #[vmstate(subsection)]
    pub pointer_masking: Option<PointerMasking>,
    /// The environment configuration of less privileged modes.
    #[vmstate(subsection(was(..=10 => 1)))]
    pub envcfg: Option<EnvCfg>,
    /// The debug triggers.
    #[vmstate(subsection(was(..=10 => 2)))]
    pub trigger: Option<Trigger>,
    /// The state enable registers.
    #[vmstate(subsection)]
    pub state_enable: Option<StateEnable>,
    /// The landing pad state.
    #[vmstate(subsection)]
    pub elp: Option<Elp>,
    /// The shadow stack.
    #[vmstate(subsection(was(..=10 => 1)))]
    pub shadow_stack: Option<ShadowStack>,
    /// The control transfer records.
    #[vmstate(subsection)]
    pub ctr: Option<Ctr>,
    /// The timers of supervisor mode and of the guest, only in QEMU 11.1.
    #[vmstate(subsection)]
    pub timers: Option<Timers>,
    /// The security configuration, only in QEMU 11.1.
    #[vmstate(subsection)]
    pub security: Option<SecurityConfig>,

    /// The subsections that the release being saved for lacks.
    #[vmstate(skip = "empty except during a save")]
    pub held_back: HeldBack,
}

/// Subsections that older releases reject: the last two those before 11.1, the others 7.2.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeldBack {
    state_enable: Option<StateEnable>,
    elp: Option<Elp>,
    shadow_stack: Option<ShadowStack>,
    ctr: Option<Ctr>,
    timers: Option<Timers>,
    security: Option<SecurityConfig>,
}

impl Cpu {
    /// The width of the registers in `misa`.
    const MXL: u32 = 2;
    /// The bits of `features` for MMU, PMP and triggers.
    const USUAL_FEATURES: u32 = 0x13;

    /// Rejects the versions that no supported release has. Their fields differ.
    fn knows(&mut self, version: u32) -> Result<(), LoadError> {
        match version {
            VERSION_OF_7_2 | VERSION_OF_10_0 | 12 => Ok(()),
            other => Err(LoadError::rejected("version 5 (QEMU 7.2), 10 (QEMU 10.0) or 12 (QEMU 11.1) of `cpu`", other)),
        }
    }

    /// Converts the fields of older releases whose format changed later.
    fn take_over(&mut self, version: u32) {
        if version == VERSION_OF_7_2 {
            self.scounteren = narrowed(self.scounteren_of_7_2);
            self.mcounteren = narrowed(self.mcounteren_of_7_2);
            self.mcountinhibit = narrowed(self.mcountinhibit_of_7_2);
            self.pmu_ctrs = self.pmu_ctrs_of_7_2.each_ref().map(CounterOf7_2::now);
        }
        if version == VERSION_OF_10_0 {
            self.pmu_ctrs = self.pmu_ctrs_of_10_0.each_ref().map(CounterOf10_0::now);
        }
        if version <= VERSION_OF_10_0 {
            self.narrow();
        }
    }

    /// Converts fields back for older releases. Fields unknown to 11.1 keep their loaded values.
    fn prepare(&mut self, version: u32) {
        if version == VERSION_OF_7_2 {
            self.scounteren_of_7_2 = widened(self.scounteren_of_7_2, self.scounteren);
            self.mcounteren_of_7_2 = widened(self.mcounteren_of_7_2, self.mcounteren);
            self.mcountinhibit_of_7_2 = widened(self.mcountinhibit_of_7_2, self.mcountinhibit);
            self.pmu_ctrs_of_7_2.iter_mut().zip(&self.pmu_ctrs).for_each(|(old, counter)| old.set(counter));
        }
        if version == VERSION_OF_10_0 {
            self.pmu_ctrs_of_10_0.iter_mut().zip(&self.pmu_ctrs).for_each(|(old, counter)| old.set(counter));
        }
        if version <= VERSION_OF_10_0 {
            self.widen();
        }
        self.hold_back(version);
    }

    /// Sets aside the subsections that a release with this version rejects.
    fn hold_back(&mut self, version: u32) {
        let held = &mut self.held_back;
        if version == VERSION_OF_7_2 {
            (held.state_enable, held.elp) = (self.state_enable.take(), self.elp.take());
            (held.shadow_stack, held.ctr) = (self.shadow_stack.take(), self.ctr.take());
        }
        if version <= VERSION_OF_10_0 {
            (held.timers, held.security) = (self.timers.take(), self.security.take());
        }
    }

    fn restore(&mut self) {
        let held = std::mem::take(&mut self.held_back);
        self.state_enable = self.state_enable.take().or(held.state_enable);
        self.elp = self.elp.take().or(held.elp);
        self.shadow_stack = self.shadow_stack.take().or(held.shadow_stack);
        self.ctr = self.ctr.take().or(held.ctr);
        self.timers = self.timers.take().or(held.timers);
        self.security = self.security.take().or(held.security);
    }

    fn narrow(&mut self) {
        self.frm = narrowed(self.wide_frm);
        self.priv_ver = narrowed(self.wide_priv_ver);
        self.vext_ver = narrowed(self.wide_vext_ver);
        self.privilege = narrowed(self.wide_privilege);
        self.miselect = narrowed(self.wide_miselect);
        self.siselect = narrowed(self.wide_siselect);
    }

    fn widen(&mut self) {
        self.wide_frm = widened(self.wide_frm, self.frm);
        self.wide_priv_ver = widened(self.wide_priv_ver, self.priv_ver);
        self.wide_vext_ver = widened(self.wide_vext_ver, self.vext_ver);
        self.wide_privilege = widened(self.wide_privilege, self.privilege);
        self.wide_miselect = widened(self.wide_miselect, self.miselect);
        self.wide_siselect = widened(self.wide_siselect, self.siselect);
    }

    fn set_virt(&mut self, virt: u64) {
        self.virt_enabled = virt & 1 != 0;
    }

    fn virt(&self) -> u64 {
        self.virt_enabled.into()
    }
}

impl Default for Cpu {
    /// Creates a core after reset, without extensions and subsections.
    fn default() -> Self {
        Self {
            gpr: [0; 32],
            fpr: [0; 32],
            miprio: [[0; 8]; 8],
            siprio: [[0; 8]; 8],
            pc: 0,
            load_res: 0,
            load_val: 0,
            wide_frm: 0,
            frm: 0,
            badaddr: 0,
            guest_phys_fault_addr: 0,
            wide_priv_ver: 0,
            priv_ver: 0,
            wide_vext_ver: 0,
            vext_ver: 0,
            misa_mxl: Self::MXL,
            misa_ext: 0,
            misa_mxl_max: Self::MXL,
            was_misa_mxl_max: Unused,
            misa_ext_mask: 0,
            features: Self::USUAL_FEATURES,
            wide_privilege: 3,
            privilege: 3,
            virt_enabled: false,
            resetvec: 0,
            mhartid: 0,
            mstatus: 0,
            mip: 0,
            miclaim: 0,
            mie: 0,
            mvien: 0,
            mvip: 0,
            sie: 0,
            mideleg: 0,
            satp: 0,
            stval: 0,
            medeleg: 0,
            stvec: 0,
            sepc: 0,
            scause: 0,
            mtvec: 0,
            mepc: 0,
            mcause: 0,
            mtval: 0,
            wide_miselect: 0,
            miselect: 0,
            wide_siselect: 0,
            siselect: 0,
            scounteren_of_7_2: 0,
            mcounteren_of_7_2: 0,
            mcountinhibit_of_7_2: 0,
            scounteren: 0,
            mcounteren: 0,
            scountinhibit: 0,
            mcountinhibit: 0,
            pmu_ctrs_of_7_2: Default::default(),
            pmu_ctrs_of_10_0: Default::default(),
            pmu_ctrs: Default::default(),
            mhpmevent_val: [0; 32],
            mhpmeventh_val: [0; 32],
            sscratch: 0,
            mscratch: 0,
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
            timers: None,
            security: None,
            held_back: HeldBack::default(),
        }
    }
}
