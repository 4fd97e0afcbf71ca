//! SiFive's platform-level interrupt controller: QEMU's section "riscv_sifive_plic".
//!
//! The fields follow QEMU's `vmstate_sifive_plic` (`hw/intc/sifive_plic.c`).

use vmstate::prelude::*;

/// The maximum number of sources.
const MAX_SOURCES: usize = 1024;
/// The number of 32-bit words for that many sources.
const MAX_WORDS: usize = MAX_SOURCES / 32;
/// The maximum number of contexts.
const MAX_CONTEXTS: usize = 15872;

/// The controller. Its dimensions are known from the machine's configuration and not sent.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "riscv_sifive_plic")]
pub struct Plic {
    /// The number of sources.
    #[vmstate(skip = "fixed when the machine is built")]
    pub num_sources: u32,
    /// The number of contexts: one per hart and mode.
    #[vmstate(skip = "fixed when the machine is built")]
    pub num_addrs: u32,
    /// The number of words with one bit per source.
    #[vmstate(skip = "follows from the number of sources")]
    pub bitfield_words: u32,
    /// The number of such words for all contexts.
    #[vmstate(skip = "follows from the numbers of sources and of contexts")]
    pub num_enables: u32,
    /// The priority of each source.
    #[vmstate(len = num_sources, max = MAX_SOURCES)]
    pub source_priority: Vec<u32>,
    /// The priority threshold of each context.
    #[vmstate(len = num_addrs, max = MAX_CONTEXTS)]
    pub target_priority: Vec<u32>,
    /// The pending sources.
    #[vmstate(len = bitfield_words, max = MAX_WORDS)]
    pub pending: Vec<u32>,
    /// The claimed sources.
    #[vmstate(len = bitfield_words, max = MAX_WORDS)]
    pub claimed: Vec<u32>,
    /// The enabled sources of each context.
    #[vmstate(len = num_enables, max = MAX_CONTEXTS * MAX_WORDS)]
    pub enable: Vec<u32>,
}

impl Plic {
    /// Creates a controller with these numbers of sources and contexts.
    #[must_use]
    pub fn new(num_sources: u16, num_addrs: u16) -> Self {
        let words = num_sources.div_ceil(32);
        let zeros = |count: usize| vec![0; count];
        let enables = usize::from(words) * usize::from(num_addrs);
        Self {
            num_sources: num_sources.into(),
            num_addrs: num_addrs.into(),
            bitfield_words: words.into(),
            num_enables: u32::from(words) * u32::from(num_addrs),
            source_priority: zeros(num_sources.into()),
            target_priority: zeros(num_addrs.into()),
            pending: zeros(words.into()),
            claimed: zeros(words.into()),
            enable: zeros(enables),
        }
    }
}

impl Default for Plic {
    /// Creates the controller of the machine `virt` with one processor.
    fn default() -> Self {
        Self::new(96, 2)
    }
}
