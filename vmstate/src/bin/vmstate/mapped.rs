//! A [`ByteSource`] for files, which maps a moving window of the file into memory.

use std::fs::File;
use std::io;

use indicatif::ProgressBar;
use memmap2::{Mmap, MmapOptions};
use vmstate::LoadError;
use vmstate::wire::{BUFFER, ByteSource};

/// The number of bytes that are mapped at a time.
const WINDOW: u64 = 4 << 20;
/// The number of bytes delivered at once after a skip: enough for the next RAM record without its page, which is likely
/// to be skipped too.
const FIRST_CHUNK: usize = 256;

/// A file that is read through a mapped window.
pub(crate) struct Mapped {
    file: File,
    length: u64,
    position: u64,
    window: Option<Window>,
    /// The number of bytes to deliver at once. It doubles until something is skipped.
    chunk: usize,
    progress: ProgressBar,
}

/// The bytes of the file from the offset `start`.
struct Window {
    start: u64,
    bytes: Mmap,
}

impl Mapped {
    /// Creates a source of the first `length` bytes of `file`.
    pub(crate) fn new(file: File, length: u64, progress: ProgressBar) -> Self {
        Self { file, length, position: 0, window: None, chunk: FIRST_CHUNK, progress }
    }

    /// Returns the mapped bytes at the position, of a new window if the current one is used up.
    fn ahead(&mut self) -> io::Result<&[u8]> {
        let window = match self.window.take() {
            Some(window) if self.position < window.start + window.bytes.len() as u64 => window,
            _ => self.map()?,
        };
        let passed = usize::try_from(self.position - window.start).unwrap_or(usize::MAX);
        let window = self.window.insert(window);
        Ok(window.bytes.get(passed..).unwrap_or_default())
    }

    #[expect(unsafe_code, reason = "other processes can change a mapped file while it is read")]
    fn map(&self) -> io::Result<Window> {
        self.progress.set_position(self.position);
        let start = self.position;
        let length = usize::try_from(WINDOW.min(self.length - start)).unwrap_or(usize::MAX);
        // SAFETY: the mapping is read-only and private to this module, which only copies its bytes out in `read`; no
        // reference to them outlives that call. If another process changes the file, other bytes are copied, as with
        // `read(2)`; if it truncates the file, this process ends with SIGBUS.
        let bytes = unsafe { MmapOptions::new().offset(start).len(length).map(&self.file) }?;
        Ok(Window { start, bytes })
    }
}

impl ByteSource for Mapped {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, LoadError> {
        if self.position >= self.length {
            return Ok(0);
        }
        let chunk = self.chunk;
        self.chunk = BUFFER.min(2 * chunk);
        let ahead = self.ahead().map_err(LoadError::io)?;
        let count = ahead.len().min(into.len()).min(chunk);
        into[..count].copy_from_slice(&ahead[..count]);
        self.position += count as u64;
        Ok(count)
    }

    fn skip(&mut self, count: u64) -> Result<u64, LoadError> {
        let count = count.min(self.length - self.position);
        self.position += count;
        self.chunk = FIRST_CHUNK;
        Ok(count)
    }
}
