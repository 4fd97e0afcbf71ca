//! The RISC-V processor core: QEMU's section "cpu" on its RISC-V machines.
//!
//! The fields are those of QEMU's `vmstate_riscv_cpu` (`target/riscv/machine.c`) and its subsections. QEMU 7.2 has it at
//! version 5, 10.0 at version 10; neither loads what the other wrote. One [`Cpu`] is both: what only one of them has is
//! gated, and what changed its width or its shape is carried over in both directions.

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

/// The version that QEMU 7.2 writes.
pub const VERSION_OF_7_2: u32 = 5;

/// The width of the registers: `u32` or `u64`, QEMU's `target_ulong`.
pub trait Xlen: Wire + Copy + Default + Debug + Eq + From<u32> + Into<u64> {
    /// What `misa` says about the width.
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
/// Which of the subsections there are depends on what the core can do, and so on how the machine was built; here they are
/// `Some` when they were in the stream. In QEMU predicates ask the core's configuration.
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
    /// The priorities of interrupts in machine mode (AIA's `iprio` registers).
    #[vmstate(name = "env.miprio")]
    pub miprio: [[u8; 8]; 8],
    /// The priorities of interrupts in supervisor mode.
    #[vmstate(name = "env.siprio")]
    pub siprio: [[u8; 8]; 8],
    /// The program counter.
    #[vmstate(name = "env.pc")]
    pub pc: X,
    /// The address that `lr` has reserved; all ones if none.
    #[vmstate(name = "env.load_res")]
    pub load_res: X,
    /// What `lr` has loaded from it.
    #[vmstate(name = "env.load_val")]
    pub load_val: X,
    /// The rounding mode of floating point.
    #[vmstate(name = "env.frm")]
    pub frm: X,
    /// The address of a fault that is being raised.
    #[vmstate(name = "env.badaddr")]
    pub badaddr: X,
    /// The same, as the hypervisor sees it.
    #[vmstate(name = "env.guest_phys_fault_addr")]
    pub guest_phys_fault_addr: X,
    /// The version of the privileged specification, as a number of QEMU's.
    #[vmstate(name = "env.priv_ver")]
    pub priv_ver: X,
    /// The version of the vector extension, likewise.
    #[vmstate(name = "env.vext_ver")]
    pub vext_ver: X,
    /// The width of the registers in `misa`: 1 is 32, 2 is 64 bits.
    #[vmstate(name = "env.misa_mxl")]
    pub misa_mxl: u32,
    /// The extensions in `misa`, a bit for each letter.
    #[vmstate(name = "env.misa_ext")]
    pub misa_ext: u32,
    /// The largest width. 10.0 takes it from the model.
    #[vmstate(name = "env.misa_mxl_max", until = 5)]
    pub misa_mxl_max: u32,
    /// Was once the largest width.
    #[vmstate(name = "unused", since = 10)]
    pub was_misa_mxl_max: Unused<4>,
    /// The extensions that can be switched on.
    #[vmstate(name = "env.misa_ext_mask")]
    pub misa_ext_mask: u32,
    /// What the model has, as bits of QEMU's: memory management, protection, triggers.
    #[vmstate(name = "env.features", until = 5)]
    pub features: u32,
    /// The privilege: 0 user, 1 supervisor, 3 machine.
    #[vmstate(name = "env.priv")]
    pub privilege: X,
    /// Whether a guest of a hypervisor runs. It was a number of its own in 7.2.
    #[vmstate(removed("env.virt": X, until = 5, with = Self::set_virt, from = Self::virt))]
    #[vmstate(name = "env.virt_enabled", since = 10)]
    pub virt_enabled: bool,
    /// Where the core begins.
    #[vmstate(name = "env.resetvec")]
    pub resetvec: u64,
    /// The number of this hardware thread.
    #[vmstate(name = "env.mhartid")]
    pub mhartid: X,
    /// The status, of all modes.
    #[vmstate(name = "env.mstatus")]
    pub mstatus: u64,
    /// Which interrupts are pending.
    #[vmstate(name = "env.mip")]
    pub mip: u64,
    /// Those of them that devices have claimed for themselves.
    #[vmstate(name = "env.miclaim")]
    pub miclaim: u64,
    /// Which interrupts are enabled.
    #[vmstate(name = "env.mie")]
    pub mie: u64,
    /// Which virtual interrupts of the supervisor are enabled.
    #[vmstate(name = "env.mvien", since = 10)]
    pub mvien: u64,
    /// Which of those are pending.
    #[vmstate(name = "env.mvip", since = 10)]
    pub mvip: u64,
    /// Which interrupts are enabled for the supervisor alone.
    #[vmstate(name = "env.sie", since = 10)]
    pub sie: u64,
    /// Which interrupts are the supervisor's.
    #[vmstate(name = "env.mideleg")]
    pub mideleg: u64,
    /// The page table.
    #[vmstate(name = "env.satp")]
    pub satp: X,
    /// What the supervisor's last trap was about.
    #[vmstate(name = "env.stval")]
    pub stval: X,
    /// Which exceptions are the supervisor's.
    #[vmstate(name = "env.medeleg")]
    pub medeleg: X,
    /// Where the supervisor's traps go.
    #[vmstate(name = "env.stvec")]
    pub stvec: X,
    /// Where the supervisor's last trap came from.
    #[vmstate(name = "env.sepc")]
    pub sepc: X,
    /// Why the supervisor's last trap was.
    #[vmstate(name = "env.scause")]
    pub scause: X,
    /// Where traps go.
    #[vmstate(name = "env.mtvec")]
    pub mtvec: X,
    /// Where the last trap came from.
    #[vmstate(name = "env.mepc")]
    pub mepc: X,
    /// Why the last trap was.
    #[vmstate(name = "env.mcause")]
    pub mcause: X,
    /// What the last trap was about.
    #[vmstate(name = "env.mtval")]
    pub mtval: X,
    /// Which register `mireg` is.
    #[vmstate(name = "env.miselect")]
    pub miselect: X,
    /// Which register `sireg` is.
    #[vmstate(name = "env.siselect")]
    pub siselect: X,
    /// The next one, as wide as a register.
    #[vmstate(name = "env.scounteren", until = 5)]
    pub scounteren_of_7_2: X,
    /// The one after the next, as wide as a register.
    #[vmstate(name = "env.mcounteren", until = 5)]
    pub mcounteren_of_7_2: X,
    /// `mcountinhibit`, as wide as a register.
    #[vmstate(name = "env.mcountinhibit", until = 5)]
    pub mcountinhibit_of_7_2: X,
    /// Which counters user mode may read.
    #[vmstate(name = "env.scounteren", since = 10)]
    pub scounteren: u32,
    /// Which counters the supervisor may read.
    #[vmstate(name = "env.mcounteren", since = 10)]
    pub mcounteren: u32,
    /// Which counters the supervisor has stopped.
    #[vmstate(name = "env.scountinhibit", since = 10)]
    pub scountinhibit: u32,
    /// Which counters stand still.
    #[vmstate(name = "env.mcountinhibit", since = 10)]
    pub mcountinhibit: u32,
    /// The counters, each with a mark of 7.2.
    #[vmstate(name = "env.pmu_ctrs", until = 5)]
    pub pmu_ctrs_of_7_2: [CounterOf7_2<X>; 32],
    /// The counters.
    #[vmstate(name = "env.pmu_ctrs", since = 10)]
    pub pmu_ctrs: [Counter<X>; 32],
    /// What each of them counts.
    #[vmstate(name = "env.mhpmevent_val")]
    pub mhpmevent_val: [X; 32],
    /// The upper halves of those, on cores of 32 bits.
    #[vmstate(name = "env.mhpmeventh_val")]
    pub mhpmeventh_val: [X; 32],
    /// A register of the supervisor's own.
    #[vmstate(name = "env.sscratch")]
    pub sscratch: X,
    /// A register of machine mode's own.
    #[vmstate(name = "env.mscratch")]
    pub mscratch: X,
    /// What the host says to the guest on Berkeley's host interface. 10.0 has it elsewhere.
    #[vmstate(name = "env.mfromhost", until = 5)]
    pub mfromhost: u64,
    /// What the guest says to the host.
    #[vmstate(name = "env.mtohost", until = 5)]
    pub mtohost: u64,
    /// When the supervisor's timer is due.
    #[vmstate(name = "env.stimecmp")]
    pub stimecmp: u64,

    /// The protection of physical memory.
    #[vmstate(subsection)]
    pub pmp: Option<Pmp<X>>,
    /// The registers of a hypervisor.
    #[vmstate(subsection(was(..=5 => 2)))]
    pub hypervisor: Option<Hypervisor<X>>,
    /// The vector registers.
    #[vmstate(subsection)]
    pub vector: Option<Vector<X>>,
    /// Pointers with something in their upper bits; in 7.2 only.
    #[vmstate(subsection)]
    pub pointer_masking: Option<PointerMasking<X>>,
    /// What less privileged modes are allowed.
    #[vmstate(subsection)]
    pub envcfg: Option<EnvCfg<X>>,
    /// Breakpoints and watchpoints.
    #[vmstate(subsection)]
    pub trigger: Option<Trigger<X>>,
    /// Whose additional state is accessible.
    #[vmstate(subsection)]
    pub state_enable: Option<StateEnable>,
    /// Whether a landing pad is due.
    #[vmstate(subsection)]
    pub elp: Option<Elp>,
    /// The shadow stack.
    #[vmstate(subsection)]
    pub shadow_stack: Option<ShadowStack<X>>,
    /// Records of control transfers.
    #[vmstate(subsection)]
    pub ctr: Option<Ctr>,
}

impl<X: Xlen> Cpu<X> {
    /// In `features`: the core has a memory management unit, memory protection and triggers.
    const USUAL_FEATURES: u32 = 0x13;

    /// QEMU 8 and 9 wrote the versions in between, each with fields of its own.
    fn knows(&mut self, version: u32) -> Result<(), LoadError> {
        match version {
            VERSION_OF_7_2 | 10 => Ok(()),
            other => Err(LoadError::rejected("version 5 (QEMU 7.2) or 10 (QEMU 10.0) of `cpu`", other)),
        }
    }

    /// What a core from 7.2 has in forms that changed later.
    fn take_over(&mut self, version: u32) {
        if version == VERSION_OF_7_2 {
            self.scounteren = low_half(self.scounteren_of_7_2);
            self.mcounteren = low_half(self.mcounteren_of_7_2);
            self.mcountinhibit = low_half(self.mcountinhibit_of_7_2);
            self.pmu_ctrs = self.pmu_ctrs_of_7_2.each_ref().map(CounterOf7_2::now);
        }
    }

    /// The other way round. What 10.0 does not know stays as 7.2 sent it, if it did.
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

/// The lower 32 bits.
fn low_half<X: Xlen>(register: X) -> u32 {
    let [.., a, b, c, d] = Into::<u64>::into(register).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// A register with these lower bits: `wide` if it has them.
fn widened<X: Xlen>(wide: X, narrow: u32) -> X {
    if low_half(wide) == narrow { wide } else { narrow.into() }
}

impl<X: Xlen> Default for Cpu<X> {
    /// A core after its reset, without extensions and so without subsections.
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
