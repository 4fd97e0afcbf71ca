//! The state of optional extensions.

use vmstate::prelude::*;

use super::Xlen;

/// The vector registers: QEMU's `vmstate_vector`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/vector", version = 2, minimum_version = 2)]
pub struct Vector<X: Xlen> {
    /// The registers v0 to v31, of up to 1024 bits.
    #[vmstate(name = "env.vreg")]
    pub vreg: Box<[[u64; 16]; 32]>,
    /// The fixed-point rounding mode.
    #[vmstate(name = "env.vxrm")]
    pub vxrm: X,
    /// The fixed-point saturation flag.
    #[vmstate(name = "env.vxsat")]
    pub vxsat: X,
    /// The vector length.
    #[vmstate(name = "env.vl")]
    pub vl: X,
    /// The first element.
    #[vmstate(name = "env.vstart")]
    pub vstart: X,
    /// The vector type.
    #[vmstate(name = "env.vtype")]
    pub vtype: X,
    /// True if `vtype` is invalid.
    #[vmstate(name = "env.vill")]
    pub vill: bool,
}

/// Pointer masking according to an early draft: QEMU's `vmstate_pointermasking`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pointer_masking")]
pub struct PointerMasking<X: Xlen> {
    /// The modes with pointer masking.
    #[vmstate(name = "env.mmte")]
    pub mmte: X,
    /// The mask of machine mode.
    #[vmstate(name = "env.mpmmask")]
    pub mpmmask: X,
    /// The base of machine mode.
    #[vmstate(name = "env.mpmbase")]
    pub mpmbase: X,
    /// The mask of supervisor mode.
    #[vmstate(name = "env.spmmask")]
    pub spmmask: X,
    /// The base of supervisor mode.
    #[vmstate(name = "env.spmbase")]
    pub spmbase: X,
    /// The mask of user mode.
    #[vmstate(name = "env.upmmask")]
    pub upmmask: X,
    /// The base of user mode.
    #[vmstate(name = "env.upmbase")]
    pub upmbase: X,
}

/// The environment configuration: QEMU's `vmstate_envcfg`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/envcfg")]
pub struct EnvCfg<X: Xlen> {
    /// The configuration of modes below machine mode.
    #[vmstate(name = "env.menvcfg")]
    pub menvcfg: u64,
    /// The configuration of user mode.
    #[vmstate(name = "env.senvcfg")]
    pub senvcfg: X,
    /// The configuration of the hypervisor's guest.
    #[vmstate(name = "env.henvcfg")]
    pub henvcfg: u64,
}

/// The debug triggers: QEMU's `vmstate_debug`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/debug", version = 2, minimum_version = 2)]
pub struct Trigger<X: Xlen> {
    /// The selected trigger.
    #[vmstate(name = "env.trigger_cur")]
    pub trigger_cur: X,
    /// The type and configuration of each trigger.
    #[vmstate(name = "env.tdata1")]
    pub tdata1: [X; 2],
    /// The address or value of each trigger.
    #[vmstate(name = "env.tdata2")]
    pub tdata2: [X; 2],
    /// The additional conditions of each trigger.
    #[vmstate(name = "env.tdata3")]
    pub tdata3: [X; 2],
}

/// The state enable registers: QEMU's `vmstate_smstateen` (whose name has a letter missing).
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/smtateen")]
pub struct StateEnable {
    /// Access from modes below machine mode.
    #[vmstate(name = "env.mstateen")]
    pub mstateen: [u64; 4],
    /// Access from the hypervisor's guest.
    #[vmstate(name = "env.hstateen")]
    pub hstateen: [u64; 4],
    /// Access from user mode.
    #[vmstate(name = "env.sstateen")]
    pub sstateen: [u64; 4],
}

/// The landing pad state: QEMU's `vmstate_elp`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/elp")]
pub struct Elp {
    /// True if the next instruction must be a landing pad.
    #[vmstate(name = "env.elp")]
    pub expected: bool,
}

/// The shadow stack: QEMU's `vmstate_ssp`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/ssp")]
pub struct ShadowStack<X: Xlen> {
    /// The shadow stack pointer.
    #[vmstate(name = "env.ssp")]
    pub pointer: X,
}

/// The control transfer records: QEMU's `vmstate_ctr`.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "cpu/ctr")]
pub struct Ctr {
    /// The control of machine mode.
    #[vmstate(name = "env.mctrctl")]
    pub mctrctl: u64,
    /// The depth of the buffer.
    #[vmstate(name = "env.sctrdepth")]
    pub sctrdepth: u32,
    /// The status with the write position.
    #[vmstate(name = "env.sctrstatus")]
    pub sctrstatus: u32,
    /// The control of the guest.
    #[vmstate(name = "env.vsctrctl")]
    pub vsctrctl: u64,
    /// The source addresses.
    #[vmstate(name = "env.ctr_src")]
    pub sources: Box<[u64; 256]>,
    /// The target addresses.
    #[vmstate(name = "env.ctr_dst")]
    pub targets: Box<[u64; 256]>,
    /// The kinds of the transfers.
    #[vmstate(name = "env.ctr_data")]
    pub data: Box<[u64; 256]>,
}

impl Default for Ctr {
    fn default() -> Self {
        let none = || Box::new([0; 256]);
        Self { mctrctl: 0, sctrdepth: 0, sctrstatus: 0, vsctrctl: 0, sources: none(), targets: none(), data: none() }
    }
}
