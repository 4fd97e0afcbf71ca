//! The output of live sections: a writer whose bytes go to a sink, together with guest memory that is not copied.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Write};
#[cfg(all(target_os = "linux", feature = "mapping"))]
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use vmstate_types::{SaveError, Writer};

use super::piece::Piece;
use super::placed::PlacedFile;
#[cfg(all(unix, feature = "snapshot"))]
use super::recorded::Recorded;
use super::recorded::RecordedBlock;
use crate::memory::DirtyBitmap;
#[cfg(all(target_os = "linux", feature = "mapping"))]
use crate::memory::{Gather, write_gathered};

/// The output of a live section: a [`Writer`], and the sink of its bytes.
///
/// It is `Send`, so an engine can set it up on one thread and save on another.
///
/// Live sections can be larger than memory, so they call [`flush_if_full`](Self::flush_if_full) between pieces.
///
/// ```
/// use vmstate::Writer;
/// use vmstate::section::Output;
///
/// let (mut writer, mut stream) = (Writer::new(), Vec::new());
/// let mut out = Output::new(&mut writer, Some(&mut stream));
/// out.writer().u32(7);
/// out.flush_if_full()?; // four bytes are not worth a write
/// out.flush()?;
/// assert_eq!(stream, [0, 0, 0, 7]);
/// # Ok::<(), vmstate::SaveError>(())
/// ```
pub struct Output<'o> {
    writer: &'o mut Writer,
    sink: Sink<'o>,
}

/// The destination of the bytes.
enum Sink<'o> {
    /// They stay in the writer.
    None,
    Writer {
        out: &'o mut (dyn Write + Send + 'o),
        /// Set if it writes several slices at once, until a write shows that it does not.
        vectored: bool,
    },
    #[cfg(all(target_os = "linux", feature = "mapping"))]
    File(BorrowedFd<'o>),
    Placed {
        file: PlacedFile<'o>,
        /// The bytes that were written, without holes.
        written: u64,
    },
}

impl<'o> Sink<'o> {
    fn placed(file: PlacedFile<'o>) -> Self {
        Self::Placed { file, written: 0 }
    }
}

/// The kinds of pages that an output writes without a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Accepts {
    Nothing,
    Slices,
    /// Also memory that others may change.
    Memory,
}

impl Accepts {
    fn includes(self, piece: Piece<'_>) -> bool {
        self >= if matches!(piece, Piece::Slice(_)) { Self::Slices } else { Self::Memory }
    }
}

/// The number of buffered bytes from which on they are flushed.
const PENDING: usize = 256 * 1024;

impl<'o> Output<'o> {
    /// Creates an output that collects bytes in `writer` and flushes them to `sink`, if there is one.
    ///
    /// Guest memory that the machine owns [exclusively](crate::memory::RamBlock::exclusive) is passed to
    /// [`Write::write_vectored`] without a copy. A sink that does not implement `write_vectored` would get one call for
    /// each page; it is detected at the first write, and pages are copied from then on.
    pub fn new(writer: &'o mut Writer, sink: Option<&'o mut (dyn Write + Send + 'o)>) -> Self {
        let sink = sink.map_or(Sink::None, |out| Sink::Writer { out, vectored: true });
        Self { writer, sink }
    }

    /// Creates an output that collects bytes in `writer` and flushes them to a file, pipe or socket in blocking mode.
    ///
    /// The kernel reads guest memory from its place with `writev`, also while the guest runs; a sink of [`new`](Self::new)
    /// gets copies of such memory. The memory must be in [`Mapping`](crate::memory::Mapping)s or other blocks with a
    /// [host range](crate::memory::RamBlock::host_range).
    #[cfg(all(target_os = "linux", feature = "mapping"))]
    #[cfg_attr(docsrs, doc(cfg(feature = "mapping")))]
    pub fn to_file(writer: &'o mut Writer, file: &'o impl AsFd) -> Self {
        Self { writer, sink: Sink::File(file.as_fd()) }
    }

    /// Creates an output that collects bytes in `writer` and writes them to a file in which guest memory has fixed places
    /// (QEMU's capability `mapped-ram`). The byte at offset 0 of `writer` is at `start` of the file.
    ///
    /// The cursor of the file is not used. The stream's configuration must have the capability.
    pub fn to_mapped_file(writer: &'o mut Writer, file: &'o File, start: u64) -> Self {
        Self { writer, sink: Sink::placed(PlacedFile::new(file, start)) }
    }

    /// Creates an output to the start of a file, whose places of memory are recorded.
    #[cfg(all(unix, feature = "snapshot"))]
    pub(crate) fn to_recorded_file(writer: &'o mut Writer, file: &'o File, recorded: &'o Recorded<'o>) -> Self {
        Self { writer, sink: Sink::placed(PlacedFile::recorded(file, recorded)) }
    }

    /// Records a block of memory. Returns the pages that the file has to contain, unless these are all pages.
    pub(crate) fn record(&self, block: RecordedBlock) -> Option<Arc<DirtyBitmap>> {
        match self.sink {
            Sink::Placed { file, .. } => file.record(block),
            _ => None,
        }
    }

    /// Returns whether guest memory has fixed places.
    pub(crate) fn is_mapped(&self) -> bool {
        matches!(self.sink, Sink::Placed { .. })
    }

    /// Returns the file in which guest memory has fixed places.
    #[cfg(all(target_os = "linux", feature = "mapping", any(feature = "migration", feature = "snapshot")))]
    pub(crate) fn placed_file(&self) -> Option<&'o File> {
        match self.sink {
            Sink::Placed { file, .. } => Some(file.file()),
            _ => None,
        }
    }

    /// Returns the bytes that were written to a file in which guest memory has fixed places, without holes.
    #[cfg(all(unix, feature = "migration"))]
    pub(crate) fn placed_bytes(&self) -> u64 {
        match self.sink {
            Sink::Placed { written, .. } => written,
            _ => 0,
        }
    }

    /// Returns the place of the next byte in the file, or in the stream.
    pub(crate) fn place(&self) -> u64 {
        match self.sink {
            Sink::Placed { file, .. } => file.place(self.writer.offset()),
            _ => self.writer.offset(),
        }
    }

    /// Flushes the buffered bytes and continues at a later place of the file.
    pub(crate) fn skip_to(&mut self, place: u64) -> Result<(), SaveError> {
        self.flush()?;
        self.writer.mark_sent(place.saturating_sub(self.place()));
        Ok(())
    }

    /// Writes bytes or guest memory at a place of the file.
    pub(crate) fn write_at(&mut self, place: u64, piece: Piece<'_>) -> Result<(), SaveError> {
        match &mut self.sink {
            Sink::Placed { file, written } => {
                *written += piece.len() as u64;
                file.write_piece(piece, place).map_err(SaveError::io)
            }
            _ => Err(SaveError::misuse("memory has fixed places only in files")),
        }
    }

    /// Returns the writer.
    pub fn writer(&mut self) -> &mut Writer {
        self.writer
    }

    /// Flushes the buffered bytes if there are at least 256 KiB.
    ///
    /// # Errors
    /// Returns the error of the sink.
    pub fn flush_if_full(&mut self) -> Result<(), SaveError> {
        if self.writer.pending().len() < PENDING { Ok(()) } else { self.flush() }
    }

    /// Flushes the buffered bytes to the sink. Without a sink they stay in the writer.
    ///
    /// # Errors
    /// Returns the error of the sink.
    pub fn flush(&mut self) -> Result<(), SaveError> {
        let sent = match &mut self.sink {
            Sink::None => Ok(()),
            Sink::Writer { out, .. } => self.writer.flush_to(out).and_then(|()| out.flush()),
            #[cfg(all(target_os = "linux", feature = "mapping"))]
            Sink::File(file) => self.writer.flush_to(&mut FileWriter(*file)),
            Sink::Placed { file, written } => {
                let pending = self.writer.pending();
                let sent = file.write(pending, file.place(self.writer.offset() - pending.len() as u64));
                if sent.is_ok() {
                    *written += pending.len() as u64;
                    self.writer.mark_sent(0);
                }
                sent
            }
        };
        sent.map_err(SaveError::io)
    }

    /// Returns the kinds of pages that can be borrowed.
    pub(crate) fn accepts(&self) -> Accepts {
        match self.sink {
            Sink::Writer { vectored: true, .. } => Accepts::Slices,
            Sink::None | Sink::Writer { .. } | Sink::Placed { .. } => Accepts::Nothing,
            #[cfg(all(target_os = "linux", feature = "mapping"))]
            Sink::File(_) => Accepts::Memory,
        }
    }

    /// Flushes the buffered bytes together with `borrowed` pages, and clears these. Without pages this is
    /// [`flush_if_full`](Self::flush_if_full).
    ///
    /// # Errors
    /// Returns the error of the sink. The output cannot be used after it, because it is unknown how much was written.
    pub(crate) fn flush_with(&mut self, borrowed: &mut BorrowedPages<'_>) -> Result<(), SaveError> {
        if borrowed.pages.is_empty() {
            return self.flush_if_full();
        }
        let pending = self.writer.pending();
        let written = match &mut self.sink {
            // Nothing is borrowed.
            Sink::None | Sink::Placed { .. } => Ok(()),
            Sink::Writer { out, vectored } => {
                let mut slices = [IoSlice::new(&[]); MAX_PARTS];
                write_all(&mut **out, borrowed.slices(pending, &mut slices)).map(|several| *vectored = several)
            }
            #[cfg(all(target_os = "linux", feature = "mapping"))]
            Sink::File(file) => {
                let mut parts = [Gather::from(&[][..]); MAX_PARTS];
                write_all_gathered(*file, borrowed.parts(pending, &mut parts))
            }
        };
        written.map_err(SaveError::io)?;
        self.writer.mark_sent(borrowed.bytes);
        borrowed.clear(self.accepts());
        Ok(())
    }
}

impl std::fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("offset", &self.writer.offset()).finish_non_exhaustive()
    }
}

/// Borrowed pages of guest memory, each with its position between the bytes of a writer.
#[derive(Debug)]
pub(crate) struct BorrowedPages<'m> {
    accepts: Accepts,
    /// Each page with the number of the writer's bytes that precede it.
    pages: Vec<(usize, Piece<'m>)>,
    /// The size of all pages.
    bytes: u64,
}

/// The most parts of a write: pages, the records before them, and the rest of the records.
const MAX_PARTS: usize = 2 * BorrowedPages::MAX + 1;

impl<'m> BorrowedPages<'m> {
    /// The maximum number of pages. With the records between them this is a quarter of the 1,024 slices that Linux accepts
    /// in one `writev` (`UIO_MAXIOV`).
    pub(crate) const MAX: usize = 128;

    pub(crate) fn new(accepts: Accepts) -> Self {
        Self { accepts, pages: Vec::new(), bytes: 0 }
    }

    /// Returns the size of all pages in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a page that follows the bytes which `writer` holds now. Returns `false` if it must be copied.
    pub(crate) fn push(&mut self, writer: &Writer, page: Piece<'m>) -> bool {
        let fits = self.accepts.includes(page) && self.pages.len() < Self::MAX;
        if fits {
            self.pages.push((writer.pending().len(), page));
            self.bytes += page.len() as u64;
        }
        fits
    }

    fn clear(&mut self, accepts: Accepts) {
        (self.accepts, self.bytes) = (accepts, 0);
        self.pages.clear();
    }

    /// Interleaves the `written` bytes and the pages in order, at the front of `slices`.
    fn slices<'s, 'a: 's>(&'a self, written: &'a [u8], slices: &'s mut [IoSlice<'a>]) -> &'s mut [IoSlice<'a>] {
        fill(slices, self.interleave(written).map(|piece| IoSlice::new(piece.slice())))
    }

    /// Interleaves the `written` bytes and the pages in order, at the front of `parts`.
    #[cfg(all(target_os = "linux", feature = "mapping"))]
    fn parts<'s, 'a: 's>(&'a self, written: &'a [u8], parts: &'s mut [Gather<'a>]) -> &'s mut [Gather<'a>] {
        fill(parts, self.interleave(written).map(Gather::from))
    }

    fn interleave<'a>(&'a self, written: &'a [u8]) -> impl Iterator<Item = Piece<'a>> {
        let mut from = 0;
        let ends = self.pages.iter().copied().chain([(written.len(), Piece::Slice(&[]))]);
        ends.flat_map(move |(end, page)| {
            let records = Piece::Slice(written.get(from..end).unwrap_or_default());
            from = end;
            [records, page]
        })
    }
}

fn fill<T>(slots: &mut [T], parts: impl Iterator<Item = T>) -> &mut [T] {
    let count = slots.iter_mut().zip(parts).map(|(slot, part)| *slot = part).count();
    &mut slots[..count]
}

/// A file as a [`Write`], whose bytes are not buffered.
#[cfg(all(target_os = "linux", feature = "mapping"))]
struct FileWriter<'f>(BorrowedFd<'f>);

#[cfg(all(target_os = "linux", feature = "mapping"))]
impl Write for FileWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_gathered(self.0, &[Gather::from(bytes)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(all(target_os = "linux", feature = "mapping"))]
fn write_all_gathered(file: BorrowedFd<'_>, mut parts: &mut [Gather<'_>]) -> io::Result<()> {
    Gather::advance(&mut parts, 0); // removes empty parts at the front
    while !parts.is_empty() {
        match write_gathered(file, parts) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => Gather::advance(&mut parts, count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes all of `slices`. Returns `false` if each call wrote at most one of them: `sink` has only the default
/// `write_vectored`.
fn write_all(sink: &mut dyn Write, mut slices: &mut [IoSlice<'_>]) -> io::Result<bool> {
    let mut left: usize = slices.iter().map(|slice| slice.len()).sum();
    let mut vectored = slices.len() <= 1;
    IoSlice::advance_slices(&mut slices, 0); // removes empty slices at the front
    while let Some(first) = slices.first().map(|slice| slice.len()) {
        match sink.write_vectored(slices) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => {
                vectored |= count > first;
                let count = count.min(left);
                left -= count;
                IoSlice::advance_slices(&mut slices, count);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(vectored)
}
