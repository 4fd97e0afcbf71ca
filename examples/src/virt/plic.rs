//! The interrupt controller: SiFive's PLIC (hw/intc/sifive_plic.c).
//!
//! It has contexts for machine and supervisor mode. The registers of the second are stored, but not used.

pub use crate::devices::sifive_plic::Plic;

/// The highest priority.
const PRIORITIES: u32 = 7;
/// The context of machine mode.
const MACHINE: usize = 0;

/// A register.
enum Register {
    Priority(usize),
    Pending(usize),
    Enable(usize),
    Threshold(usize),
    Claim(usize),
    None,
}

impl Plic {
    /// Sets the level of a source. A raised source stays pending until it is claimed.
    pub fn set_line(&mut self, source: u32, level: bool) {
        if level {
            set(&mut self.pending, source, true);
        }
    }

    /// Returns whether machine mode is interrupted.
    #[must_use]
    pub fn interrupts(&self) -> bool {
        self.best(MACHINE) != 0
    }

    /// Returns the pending source with the highest priority, or zero.
    fn best(&self, context: usize) -> u32 {
        let words = self.pending.len();
        let enabled = &self.enable[context * words..];
        let mut best = (self.target_priority[context], 0);
        for (word, enabled) in enabled.iter().enumerate().take(words) {
            let mut candidates = self.pending[word] & !self.claimed[word] & enabled;
            while candidates != 0 {
                let source = word * 32 + candidates.trailing_zeros() as usize;
                if self.source_priority[source] > best.0 {
                    best = (self.source_priority[source], source as u32);
                }
                candidates &= candidates - 1;
            }
        }
        best.1
    }

    pub(super) fn read(&mut self, offset: u64) -> u32 {
        match self.register(offset) {
            Register::Priority(source) => self.source_priority[source],
            Register::Pending(word) => self.pending[word],
            Register::Enable(word) => self.enable[word],
            Register::Threshold(context) => self.target_priority[context],
            Register::Claim(context) => self.claim(context),
            Register::None => 0,
        }
    }

    fn claim(&mut self, context: usize) -> u32 {
        let source = self.best(context);
        if source != 0 {
            set(&mut self.pending, source, false);
            set(&mut self.claimed, source, true);
        }
        source
    }

    pub(super) fn write(&mut self, offset: u64, value: u32) {
        match self.register(offset) {
            Register::Priority(source) => self.source_priority[source] = value & PRIORITIES,
            Register::Enable(word) => self.enable[word] = value,
            Register::Threshold(context) if value <= PRIORITIES => self.target_priority[context] = value,
            Register::Claim(_) if value < self.num_sources => set(&mut self.claimed, value, false),
            _ => {}
        }
    }

    /// Returns the register at an offset, if the controller implements it.
    fn register(&self, offset: u64) -> Register {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let words = self.pending.len();
        let word = offset % 0x80 / 4;
        let context = offset % 0x20_0000 / 0x1000;
        let exists = context < self.target_priority.len();
        match (offset, offset % 0x1000) {
            (0..0x1000, _) if offset / 4 < self.source_priority.len() => Register::Priority(offset / 4),
            (0x1000..0x1080, _) if word < words => Register::Pending(word),
            (0x2000..0x2100, _) if word < words => Register::Enable((offset - 0x2000) / 0x80 * words + word),
            (0x20_0000..0x40_0000, 0) if exists => Register::Threshold(context),
            (0x20_0000..0x40_0000, 4) if exists => Register::Claim(context),
            _ => Register::None,
        }
    }
}

/// Sets or clears the bit of a source, if it exists.
fn set(words: &mut [u32], source: u32, level: bool) {
    if let Some(word) = words.get_mut((source / 32) as usize) {
        let bit = 1 << (source % 32);
        *word = if level { *word | bit } else { *word & !bit };
    }
}
