//! What a hart remembers.

/// Extensions, as bits of `misa`.
pub mod extension {
    /// Atomic instructions.
    pub const A: u32 = 1;
    /// Compressed instructions.
    pub const C: u32 = 1 << 2;
    /// Numbers with a floating point. Not in this board; a hart that comes from elsewhere may have them.
    pub const F: u32 = 1 << 5;
    /// Guests of a hypervisor. As `F`.
    pub const H: u32 = 1 << 7;
    /// The base.
    pub const I: u32 = 1 << 8;
    /// Multiplication and division.
    pub const M: u32 = 1 << 12;
    /// A mode for supervisors. As `F`.
    pub const S: u32 = 1 << 18;
    /// A mode for users. As `F`.
    pub const U: u32 = 1 << 20;
}

/// The registers, named as in QEMU's `CPURISCVState`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registers {
    /// The general ones. The first is always zero.
    pub gpr: [u64; 32],
    /// Where the next instruction is.
    pub pc: u64,
    /// The address that a load has reserved, or all ones.
    pub load_res: u64,
    /// What it found there.
    pub load_val: u64,
    /// The mode: 3 is machine mode.
    pub privilege: u64,
    /// The width of a register: 2 is 64 bits.
    pub misa_mxl: u32,
    /// Its extensions, a bit for each letter.
    pub misa_ext: u32,
    /// Its number.
    pub mhartid: u64,
    /// Where it starts.
    pub resetvec: u64,
    /// Modes before the trap, and whether interrupts are enabled.
    pub mstatus: u64,
    /// Pending interrupts.
    pub mip: u64,
    /// Enabled interrupts.
    pub mie: u64,
    /// Interrupts that are a supervisor's business.
    pub mideleg: u64,
    /// Exceptions that are a supervisor's business.
    pub medeleg: u64,
    /// Where traps go.
    pub mtvec: u64,
    /// Where the trap came from.
    pub mepc: u64,
    /// Why.
    pub mcause: u64,
    /// The address or the instruction to blame.
    pub mtval: u64,
    /// For the handler's own use.
    pub mscratch: u64,
    /// Which counters lower modes may read.
    pub mcounteren: u32,
    /// Which counters stand still.
    pub mcountinhibit: u32,
    /// The counters; the first counts cycles, the third instructions.
    pub pmu_ctrs: [Counter; 32],
    /// What the others count.
    pub mhpmevent_val: [u64; 32],
    /// Rules of physical memory protection.
    pub pmp: [PmpEntry; 16],
}

/// A counter: what it was when it was last written, and what counted then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counter {
    /// The value that was written.
    pub mhpmcounter_val: u64,
    /// What the source of the counts said then.
    pub mhpmcounter_prev: u64,
}

/// A rule of physical memory protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PmpEntry {
    /// The register `pmpaddr`.
    pub addr_reg: u64,
    /// Its byte in `pmpcfg`.
    pub cfg_reg: u8,
}

impl Registers {
    /// No address is reserved.
    pub const NOT_RESERVED: u64 = u64::MAX;
    /// Machine mode.
    pub const MACHINE: u64 = 3;

    /// Those of a hart after its reset.
    #[must_use]
    pub fn new(resetvec: u64) -> Self {
        use extension::{A, C, I, M};
        Self {
            gpr: [0; 32],
            pc: resetvec,
            load_res: Self::NOT_RESERVED,
            load_val: 0,
            privilege: Self::MACHINE,
            misa_mxl: 2,
            misa_ext: A | C | I | M,
            mhartid: 0,
            resetvec,
            mstatus: super::csr::status::AFTER_RESET,
            mip: 0,
            mie: 0,
            mideleg: 0,
            medeleg: 0,
            mtvec: 0,
            mepc: 0,
            mcause: 0,
            mtval: 0,
            mscratch: 0,
            mcounteren: 0,
            mcountinhibit: 0,
            pmu_ctrs: [Counter::default(); 32],
            mhpmevent_val: [0; 32],
            pmp: [PmpEntry::default(); 16],
        }
    }

    /// Whether the hart has an extension.
    #[must_use]
    pub fn has(&self, extension: u32) -> bool {
        self.misa_ext & extension != 0
    }
}
