//! The state of optional extensions.

use vmstate::prelude::*;

use super::narrow::{narrowed, widened};

/// The vector registers: QEMU's `vmstate_vector`. QEMU 11.1 has version 3, with another order and narrower fields.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(
    name = "cpu/vector",
    version = 3,
    minimum_version = 2,
    post_load = Self::take_over,
    pre_save = Self::prepare
)]
pub struct Vector {
    /// The registers v0 to v31, of up to 1024 bits.
    #[vmstate(name = "env.vreg")]
    pub vreg: Box<[[u64; 16]; 32]>,
    /// The vector type.
    #[vmstate(skip = "sent as a field whose place depends on the version")]
    pub vtype: u64,
    /// `vxrm` with the width of a register, up to QEMU 10.0.
    #[vmstate(field("env.vtype": u64 = vtype, since = 3), name = "env.vxrm", until = 2)]
    pub wide_vxrm: u64,
    /// `vxsat` with the width of a register.
    #[vmstate(name = "env.vxsat", until = 2)]
    pub wide_vxsat: u64,
    /// `vl` with the width of a register.
    #[vmstate(name = "env.vl", until = 2)]
    pub wide_vl: u64,
    /// `vstart` with the width of a register.
    #[vmstate(name = "env.vstart", until = 2)]
    pub wide_vstart: u64,
    /// The vector length.
    #[vmstate(field("env.vtype": u64 = vtype, until = 2), name = "env.vl", since = 3)]
    pub vl: u32,
    /// The first element.
    #[vmstate(name = "env.vstart", since = 3)]
    pub vstart: u32,
    /// The fixed-point rounding mode.
    #[vmstate(name = "env.vxrm", since = 3)]
    pub vxrm: u8,
    /// The fixed-point saturation flag.
    #[vmstate(name = "env.vxsat", since = 3)]
    pub vxsat: u8,
    /// True if `vtype` is invalid.
    #[vmstate(name = "env.vill")]
    pub vill: bool,
}

impl Vector {
    fn take_over(&mut self, version: u32) {
        if version == 2 {
            self.vl = narrowed(self.wide_vl);
            self.vstart = narrowed(self.wide_vstart);
            self.vxrm = narrowed(self.wide_vxrm);
            self.vxsat = narrowed(self.wide_vxsat);
        }
    }

    fn prepare(&mut self, version: u32) {
        if version == 2 {
            self.wide_vl = widened(self.wide_vl, self.vl);
            self.wide_vstart = widened(self.wide_vstart, self.vstart);
            self.wide_vxrm = widened(self.wide_vxrm, self.vxrm);
            self.wide_vxsat = widened(self.wide_vxsat, self.vxsat);
        }
    }
}

/// Pointer masking according to an early draft: QEMU's `vmstate_pointermasking`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/pointer_masking")]
pub struct PointerMasking {
    /// The modes with pointer masking.
    #[vmstate(name = "env.mmte")]
    pub mmte: u64,
    /// The mask of machine mode.
    #[vmstate(name = "env.mpmmask")]
    pub mpmmask: u64,
    /// The base of machine mode.
    #[vmstate(name = "env.mpmbase")]
    pub mpmbase: u64,
    /// The mask of supervisor mode.
    #[vmstate(name = "env.spmmask")]
    pub spmmask: u64,
    /// The base of supervisor mode.
    #[vmstate(name = "env.spmbase")]
    pub spmbase: u64,
    /// The mask of user mode.
    #[vmstate(name = "env.upmmask")]
    pub upmmask: u64,
    /// The base of user mode.
    #[vmstate(name = "env.upmbase")]
    pub upmbase: u64,
}

/// The environment configuration: QEMU's `vmstate_envcfg`. Both versions have the same fields.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/envcfg", version = 2)]
pub struct EnvCfg {
    /// The configuration of modes below machine mode.
    #[vmstate(name = "env.menvcfg")]
    pub menvcfg: u64,
    /// The configuration of user mode.
    #[vmstate(name = "env.senvcfg")]
    pub senvcfg: u64,
    /// The configuration of the hypervisor's guest.
    #[vmstate(name = "env.henvcfg")]
    pub henvcfg: u64,
}

/// The debug triggers: QEMU's `vmstate_debug`, version 2 in 7.2 and 10.0, version 4 in 11.1.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(
    name = "cpu/debug",
    version = 4,
    minimum_version = 2,
    post_load = Self::take_over,
    pre_save = Self::prepare
)]
pub struct Trigger {
    /// The context of machine mode.
    #[vmstate(name = "env.mcontext", since = 4)]
    pub mcontext: u16,
    /// `trigger_cur` with the width of a register, up to QEMU 10.0.
    #[vmstate(name = "env.trigger_cur", until = 2)]
    pub wide_trigger_cur: u64,
    /// The selected trigger.
    #[vmstate(name = "env.trigger_cur", since = 4)]
    pub trigger_cur: u8,
    /// The type and configuration of each trigger.
    #[vmstate(name = "env.tdata1")]
    pub tdata1: [u64; 2],
    /// The address or value of each trigger.
    #[vmstate(name = "env.tdata2")]
    pub tdata2: [u64; 2],
    /// The additional conditions of each trigger.
    #[vmstate(name = "env.tdata3")]
    pub tdata3: [u64; 2],
}

impl Trigger {
    fn take_over(&mut self, version: u32) {
        if version == 2 {
            self.trigger_cur = narrowed(self.wide_trigger_cur);
        }
    }

    fn prepare(&mut self, version: u32) {
        if version == 2 {
            self.wide_trigger_cur = widened(self.wide_trigger_cur, self.trigger_cur);
        }
    }
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

/// The shadow stack: QEMU's `vmstate_ssp`. Both versions have the same field.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/ssp", version = 2)]
pub struct ShadowStack {
    /// The shadow stack pointer.
    #[vmstate(name = "env.ssp")]
    pub pointer: u64,
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

/// The timers of the extension Sstc: QEMU's `vmstate_sstc`.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/timer")]
pub struct Timers {
    /// The timer of supervisor mode.
    #[vmstate(name = "env.stimer", timer)]
    pub stimer: Option<u64>,
    /// The timer of the hypervisor's guest.
    #[vmstate(name = "env.vstimer", timer)]
    pub vstimer: Option<u64>,
}

/// The security configuration of machine mode.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/mseccfg")]
pub struct SecurityConfig {
    /// The register.
    #[vmstate(name = "env.mseccfg")]
    pub mseccfg: u64,
}

impl Default for Ctr {
    fn default() -> Self {
        let none = || Box::new([0; 256]);
        Self { mctrctl: 0, sctrdepth: 0, sctrstatus: 0, vsctrctl: 0, sources: none(), targets: none(), data: none() }
    }
}
