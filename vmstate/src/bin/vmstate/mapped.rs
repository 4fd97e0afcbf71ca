//! A file as a reader's source, through a window of mapped memory that moves over it.

use std::fs::File;
use std::io;

use indicatif::ProgressBar;
use memmap2::{Mmap, MmapOptions};
use vmstate::LoadError;
use vmstate::wire::{BUFFER, ByteSource};

/// How much of the file is mapped at a time.
const WINDOW: u64 = 4 << 20;
/// What is delivered at once after something was skipped: enough for the next record, and not its page.
const BITE: usize = 256;

/// Delivers a file's bytes.
pub(crate) struct Mapped {
    file: File,
    length: u64,
    position: u64,
    window: Option<Window>,
    /// How much is delivered at once. It grows for as long as nothing is skipped.
    bite: usize,
    progress: ProgressBar,
}

/// The bytes of the file from `start` on.
struct Window {
    start: u64,
    bytes: Mmap,
}

impl Mapped {
    /// Delivers the first `length` bytes of `file`.
    pub(crate) fn new(file: File, length: u64, progress: ProgressBar) -> Self {
        Self { file, length, position: 0, window: None, bite: BITE, progress }
    }

    /// The mapped bytes from the position on.
    fn ahead(&mut self) -> io::Result<&[u8]> {
        let window = match self.window.take() {
            Some(window) if self.position < window.start + window.bytes.len() as u64 => window,
            _ => self.map()?,
        };
        let passed = usize::try_from(self.position - window.start).unwrap_or(usize::MAX);
        let window = self.window.insert(window);
        Ok(window.bytes.get(passed..).unwrap_or_default())
    }

    #[expect(unsafe_code, reason = "a mapped file can be changed by others while it is read")]
    fn map(&self) -> io::Result<Window> {
        self.progress.set_position(self.position);
        let start = self.position;
        let length = usize::try_from(WINDOW.min(self.length - start)).unwrap_or(usize::MAX);
        // SAFETY: the mapping is read-only and private to this module, which does nothing with its bytes but copy them
        // out in `read`; no reference to them outlives that. Who changes the file meanwhile gets other bytes copied, as
        // with any other way of reading; who cuts it short ends this process with SIGBUS.
        let bytes = unsafe { MmapOptions::new().offset(start).len(length).map(&self.file) }?;
        Ok(Window { start, bytes })
    }
}

impl ByteSource for Mapped {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, LoadError> {
        if self.position >= self.length {
            return Ok(0);
        }
        let bite = self.bite;
        self.bite = BUFFER.min(2 * bite);
        let ahead = self.ahead().map_err(LoadError::io)?;
        let count = ahead.len().min(into.len()).min(bite);
        into[..count].copy_from_slice(&ahead[..count]);
        self.position += count as u64;
        Ok(count)
    }

    fn skip(&mut self, count: u64) -> Result<u64, LoadError> {
        let count = count.min(self.length - self.position);
        self.position += count;
        self.bite = BITE;
        Ok(count)
    }
}
