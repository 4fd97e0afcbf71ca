//! The interrupt controller: SiFive's PLIC.
//!
//! It has two contexts, of machine mode and of a supervisor, whose registers are kept though there is no supervisor.

/// Sources of interrupts, of which the first does not exist.
pub const SOURCES: usize = 96;
/// How many words hold a bit for each of them.
pub const WORDS: usize = SOURCES / 32;
/// Machine mode and a supervisor.
pub const CONTEXTS: usize = 2;
/// The highest priority.
const PRIORITIES: u32 = 7;
/// The context that is connected.
const MACHINE: usize = 0;

/// The registers, named as in QEMU's `SiFivePLICState`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plic {
    /// How important each source is.
    pub source_priority: [u32; SOURCES],
    /// How important a source must be, and more, to interrupt a context.
    pub target_priority: [u32; CONTEXTS],
    /// A bit for each source that has something to say.
    pub pending: [u32; WORDS],
    /// A bit for each source that is being listened to.
    pub claimed: [u32; WORDS],
    /// For each context, a bit for each source that may interrupt it.
    pub enable: [u32; WORDS * CONTEXTS],
}

/// A register.
enum Register {
    Priority(usize),
    Pending(usize),
    Enable(usize),
    Threshold(usize),
    Claim(usize),
    None,
}

impl Default for Plic {
    fn default() -> Self {
        Self {
            source_priority: [0; SOURCES],
            target_priority: [0; CONTEXTS],
            pending: [0; WORDS],
            claimed: [0; WORDS],
            enable: [0; WORDS * CONTEXTS],
        }
    }
}

impl Plic {
    /// A source says something, or no longer. What it has said stays pending until somebody claims it.
    pub fn set_line(&mut self, source: u32, level: bool) {
        if level {
            set(&mut self.pending, source, true);
        }
    }

    /// Whether machine mode is interrupted.
    #[must_use]
    pub fn interrupts(&self) -> bool {
        self.best(MACHINE) != 0
    }

    /// The most important source that interrupts a context, or zero.
    fn best(&self, context: usize) -> u32 {
        let mut best = (self.target_priority[context], 0);
        for word in 0..WORDS {
            let mut candidates = self.pending[word] & !self.claimed[word] & self.enable[context * WORDS + word];
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
        match Register::at(offset) {
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
        match Register::at(offset) {
            Register::Priority(source) => self.source_priority[source] = value & PRIORITIES,
            Register::Enable(word) => self.enable[word] = value,
            Register::Threshold(context) if value <= PRIORITIES => self.target_priority[context] = value,
            Register::Claim(_) if (value as usize) < SOURCES => set(&mut self.claimed, value, false),
            _ => {}
        }
    }
}

impl Register {
    fn at(offset: u64) -> Self {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let (context, word) = ((offset & 0x1f_ffff) / 0x1000, (offset & 0x7f) / 4);
        match offset {
            0..0x1000 if offset / 4 < SOURCES => Self::Priority(offset / 4),
            0x1000..0x1080 if word < WORDS => Self::Pending(word),
            0x2000..0x2100 if word < WORDS => Self::Enable((offset - 0x2000) / 0x80 * WORDS + word),
            0x20_0000.. if context < CONTEXTS && offset < 0x40_0000 => match offset & 0xfff {
                0 => Self::Threshold(context),
                4 => Self::Claim(context),
                _ => Self::None,
            },
            _ => Self::None,
        }
    }
}

/// Sets or clears the bit of a source that exists.
fn set(words: &mut [u32; WORDS], source: u32, level: bool) {
    if let Some(word) = words.get_mut((source / 32) as usize) {
        let bit = 1 << (source % 32);
        *word = if level { *word | bit } else { *word & !bit };
    }
}
