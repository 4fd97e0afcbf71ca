//! What further extensions add to a core.

use vmstate::prelude::*;

use super::Xlen;

/// The vector registers: QEMU's `vmstate_vector`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/vector", version = 2, minimum_version = 2)]
pub struct Vector<X: Xlen> {
    /// The registers v0 to v31, of up to 1024 bits.
    #[vmstate(name = "env.vreg")]
    pub vreg: Box<[[u64; 16]; 32]>,
    /// The rounding mode of fixed point.
    #[vmstate(name = "env.vxrm")]
    pub vxrm: X,
    /// Whether fixed point has saturated.
    #[vmstate(name = "env.vxsat")]
    pub vxsat: X,
    /// How many elements are in use.
    #[vmstate(name = "env.vl")]
    pub vl: X,
    /// The element to begin with.
    #[vmstate(name = "env.vstart")]
    pub vstart: X,
    /// What the elements are.
    #[vmstate(name = "env.vtype")]
    pub vtype: X,
    /// Whether `vtype` makes no sense.
    #[vmstate(name = "env.vill")]
    pub vill: bool,
}

/// Pointers with something in their upper bits, as an early draft had it: QEMU's `vmstate_pointermasking`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pointer_masking")]
pub struct PointerMasking<X: Xlen> {
    /// For which modes it is on.
    #[vmstate(name = "env.mmte")]
    pub mmte: X,
    /// In machine mode, which bits of a pointer count.
    #[vmstate(name = "env.mpmmask")]
    pub mpmmask: X,
    /// In machine mode, what the others are.
    #[vmstate(name = "env.mpmbase")]
    pub mpmbase: X,
    /// In supervisor mode, which bits of a pointer count.
    #[vmstate(name = "env.spmmask")]
    pub spmmask: X,
    /// In supervisor mode, what the others are.
    #[vmstate(name = "env.spmbase")]
    pub spmbase: X,
    /// In user mode, which bits of a pointer count.
    #[vmstate(name = "env.upmmask")]
    pub upmmask: X,
    /// In user mode, what the others are.
    #[vmstate(name = "env.upmbase")]
    pub upmbase: X,
}

/// What less privileged modes are allowed: QEMU's `vmstate_envcfg`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/envcfg")]
pub struct EnvCfg<X: Xlen> {
    /// For modes below machine mode.
    #[vmstate(name = "env.menvcfg")]
    pub menvcfg: u64,
    /// For user mode.
    #[vmstate(name = "env.senvcfg")]
    pub senvcfg: X,
    /// For the hypervisor's guest.
    #[vmstate(name = "env.henvcfg")]
    pub henvcfg: u64,
}

/// Breakpoints and watchpoints: QEMU's `vmstate_debug`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/debug", version = 2, minimum_version = 2)]
pub struct Trigger<X: Xlen> {
    /// Which one the registers show.
    #[vmstate(name = "env.trigger_cur")]
    pub trigger_cur: X,
    /// What each is and does.
    #[vmstate(name = "env.tdata1")]
    pub tdata1: [X; 2],
    /// The address or value that each waits for.
    #[vmstate(name = "env.tdata2")]
    pub tdata2: [X; 2],
    /// Further conditions of each.
    #[vmstate(name = "env.tdata3")]
    pub tdata3: [X; 2],
}

/// Whose additional state is accessible: QEMU's `vmstate_smstateen`, whose name lacks a letter.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/smtateen")]
pub struct StateEnable {
    /// For modes below machine mode.
    #[vmstate(name = "env.mstateen")]
    pub mstateen: [u64; 4],
    /// For the hypervisor's guest.
    #[vmstate(name = "env.hstateen")]
    pub hstateen: [u64; 4],
    /// For user mode.
    #[vmstate(name = "env.sstateen")]
    pub sstateen: [u64; 4],
}

/// Whether a landing pad is due: QEMU's `vmstate_elp`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/elp")]
pub struct Elp {
    /// Whether the next instruction must be one.
    #[vmstate(name = "env.elp")]
    pub expected: bool,
}

/// The shadow stack: QEMU's `vmstate_ssp`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/ssp")]
pub struct ShadowStack<X: Xlen> {
    /// Its pointer.
    #[vmstate(name = "env.ssp")]
    pub pointer: X,
}

/// Records of control transfers: QEMU's `vmstate_ctr`.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "cpu/ctr")]
pub struct Ctr {
    /// What machine mode wants recorded.
    #[vmstate(name = "env.mctrctl")]
    pub mctrctl: u64,
    /// How many records there are.
    #[vmstate(name = "env.sctrdepth")]
    pub sctrdepth: u32,
    /// Which one is written next.
    #[vmstate(name = "env.sctrstatus")]
    pub sctrstatus: u32,
    /// What the guest wants recorded.
    #[vmstate(name = "env.vsctrctl")]
    pub vsctrctl: u64,
    /// Where each transfer came from.
    #[vmstate(name = "env.ctr_src")]
    pub sources: Box<[u64; 256]>,
    /// Where each went.
    #[vmstate(name = "env.ctr_dst")]
    pub targets: Box<[u64; 256]>,
    /// What kind each was.
    #[vmstate(name = "env.ctr_data")]
    pub data: Box<[u64; 256]>,
}

impl Default for Ctr {
    fn default() -> Self {
        let none = || Box::new([0; 256]);
        Self { mctrctl: 0, sctrdepth: 0, sctrstatus: 0, vsctrctl: 0, sources: none(), targets: none(), data: none() }
    }
}
