//! SiFive's platform-level interrupt controller: QEMU's section "riscv_sifive_plic".
//!
//! The fields are those of QEMU's `vmstate_sifive_plic` (`hw/intc/sifive_plic.c`).

use vmstate::prelude::*;

/// The most sources that the specification allows.
const MAX_SOURCES: usize = 1024;
/// The most words of 32 bits for as many sources.
const MAX_WORDS: usize = MAX_SOURCES / 32;
/// The most contexts.
const MAX_CONTEXTS: usize = 15872;

/// The controller. How much there is of it is known when the machine is built, and not sent.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "riscv_sifive_plic")]
pub struct Plic {
    /// How many sources there are.
    #[vmstate(skip = "fixed when the machine is built")]
    pub num_sources: u32,
    /// How many contexts there are: a mode of a hardware thread each.
    #[vmstate(skip = "fixed when the machine is built")]
    pub num_addrs: u32,
    /// How many words have a bit for each source.
    #[vmstate(skip = "follows from the number of sources")]
    pub bitfield_words: u32,
    /// How many words those of all contexts are.
    #[vmstate(skip = "follows from the numbers of sources and of contexts")]
    pub num_enables: u32,
    /// The priority of each source.
    #[vmstate(len = num_sources, max = MAX_SOURCES)]
    pub source_priority: Vec<u32>,
    /// Above which priority each context is interrupted.
    #[vmstate(len = num_addrs, max = MAX_CONTEXTS)]
    pub target_priority: Vec<u32>,
    /// Which sources are pending.
    #[vmstate(len = bitfield_words, max = MAX_WORDS)]
    pub pending: Vec<u32>,
    /// Which of them some context has claimed.
    #[vmstate(len = bitfield_words, max = MAX_WORDS)]
    pub claimed: Vec<u32>,
    /// For each context, which sources are enabled.
    #[vmstate(len = num_enables, max = MAX_CONTEXTS * MAX_WORDS)]
    pub enable: Vec<u32>,
}

impl Plic {
    /// A controller of so many sources and contexts.
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
    /// That of the machine `virt` with one processor.
    fn default() -> Self {
        Self::new(96, 2)
    }
}
