//! The output of live sections: a writer whose bytes go to a sink, together with guest memory that is not copied.

use std::io::{self, ErrorKind, IoSlice, Write};

use vmstate_types::{SaveError, Writer};

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
    sink: Option<&'o mut (dyn Write + Send + 'o)>,
    /// Set if the sink writes several slices at once, until a write shows that it does not.
    vectored: bool,
}

/// The number of buffered bytes from which on they are flushed.
const PENDING: usize = 256 * 1024;

impl<'o> Output<'o> {
    /// Creates an output that collects bytes in `writer` and flushes them to `sink`, if there is one.
    ///
    /// Guest memory that can be [borrowed](crate::ram::RamBlock::slice) is passed to [`Write::write_vectored`] without a
    /// copy. A sink that does not implement `write_vectored` would get one call for each page; it is detected at the first
    /// write, and pages are copied from then on.
    pub fn new(writer: &'o mut Writer, sink: Option<&'o mut (dyn Write + Send + 'o)>) -> Self {
        Self { writer, sink, vectored: true }
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
        let Some(sink) = &mut self.sink else { return Ok(()) };
        let sent = self.writer.flush_to(sink).and_then(|()| sink.flush());
        sent.map_err(SaveError::io)
    }

    /// Returns whether pages can be borrowed: the sink writes several slices at once.
    pub(crate) fn accepts_borrowed(&self) -> bool {
        self.sink.is_some() && self.vectored
    }

    /// Flushes the buffered bytes together with `borrowed` pages, and clears these. Without pages this is
    /// [`flush_if_full`](Self::flush_if_full).
    ///
    /// # Errors
    /// Returns the error of the sink. The output cannot be used after it, because it is unknown how much was written.
    pub(crate) fn flush_with(&mut self, borrowed: &mut BorrowedPages<'_>) -> Result<(), SaveError> {
        let Some(sink) = self.sink.as_mut().filter(|_| !borrowed.pages.is_empty()) else { return self.flush_if_full() };
        let mut slices = [IoSlice::new(&[]); 2 * BorrowedPages::MAX + 1];
        let slices = borrowed.interleave(self.writer.pending(), &mut slices);
        self.vectored = write_all(&mut **sink, slices).map_err(SaveError::io)?;
        self.writer.mark_sent(borrowed.bytes);
        borrowed.bytes = 0;
        borrowed.pages.clear();
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
    /// Each page with the number of the writer's bytes that precede it.
    pages: Vec<(usize, &'m [u8])>,
    /// The size of all pages.
    bytes: u64,
}

impl<'m> BorrowedPages<'m> {
    /// The maximum number of pages. With the records between them this is a quarter of the 1,024 slices that Linux accepts
    /// in one `writev` (`UIO_MAXIOV`).
    pub(crate) const MAX: usize = 128;

    pub(crate) fn new() -> Self {
        Self { pages: Vec::new(), bytes: 0 }
    }

    /// Returns the size of all pages in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a page that follows the bytes which `writer` holds now. Returns `false` if there are too many pages already.
    pub(crate) fn push(&mut self, writer: &Writer, page: &'m [u8]) -> bool {
        let fits = self.pages.len() < Self::MAX;
        if fits {
            self.pages.push((writer.pending().len(), page));
            self.bytes += page.len() as u64;
        }
        fits
    }

    /// Interleaves the `written` bytes and the pages in order, at the front of `slices`.
    fn interleave<'s, 'a: 's>(&'a self, written: &'a [u8], slices: &'s mut [IoSlice<'a>]) -> &'s mut [IoSlice<'a>] {
        let (mut from, mut count) = (0, 0);
        let ends = self.pages.iter().copied().chain([(written.len(), &[][..])]);
        for ((end, page), pair) in ends.zip(slices.chunks_mut(2)) {
            for (slot, slice) in pair.iter_mut().zip([&written[from..end], page]) {
                *slot = IoSlice::new(slice);
                count += 1;
            }
            from = end;
        }
        &mut slices[..count]
    }
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
