//! Where sections go: into a writer, and from there sink, with memory in between that is lent and never copied.

use std::io::{self, ErrorKind, IoSlice, Write};

use vmstate_types::{SaveError, Writer};

/// Where live sections write, and from where it goes sink.
///
/// Much of what is live is larger than memory should be: [`flush_if_full`](Self::flush_if_full) is to be called between pieces.
pub struct Output<'o> {
    writer: &'o mut Writer,
    sink: Option<&'o mut (dyn Write + 'o)>,
    /// Whether the destination takes many slices at once, as far as is known.
    vectored: bool,
}

/// So much may gather before it goes sink.
const PENDING: usize = 256 * 1024;

impl<'o> Output<'o> {
    /// Writes into `writer`, and from there to `sink` if that is given.
    ///
    /// Guest memory that can be lent ([`Block::lend`](crate::ram::RamBlock::slice)) goes to `sink` from where it is, by
    /// [`Write::write_vectored`]. A writer without one of its own is found out and gets copies, for it would be given
    /// every page by itself.
    pub fn new(writer: &'o mut Writer, sink: Option<&'o mut (dyn Write + 'o)>) -> Self {
        Self { writer, sink, vectored: true }
    }

    /// Where to write.
    pub fn writer(&mut self) -> &mut Writer {
        self.writer
    }

    /// Sends what has been written, if it is much.
    ///
    /// # Errors
    /// What the destination reports.
    pub fn flush_if_full(&mut self) -> Result<(), SaveError> {
        if self.writer.pending().len() < PENDING { Ok(()) } else { self.flush() }
    }

    /// Sends what has been written.
    ///
    /// # Errors
    /// What the destination reports.
    pub fn flush(&mut self) -> Result<(), SaveError> {
        let Some(sink) = &mut self.sink else { return Ok(()) };
        let sent = self.writer.flush_to(sink).and_then(|()| sink.flush());
        sent.map_err(SaveError::io)
    }

    /// Whether memory can be lent: there is a destination, and it takes many slices at once.
    pub(crate) fn accepts_borrowed(&self) -> bool {
        self.sink.is_some() && self.vectored
    }

    /// Sends what has been written with all that is `lent`, which is then empty; or does what
    /// [`flush_if_full`](Self::flush_if_full) does, if nothing is.
    ///
    /// # Errors
    /// What the destination reports. What was not sent is of no use then.
    pub(crate) fn flush_with(&mut self, lent: &mut BorrowedPages<'_>) -> Result<(), SaveError> {
        let Some(sink) = self.sink.as_mut().filter(|_| !lent.pieces.is_empty()) else { return self.flush_if_full() };
        let mut slices = [IoSlice::new(&[]); 2 * BorrowedPages::PIECES + 1];
        let slices = lent.between(self.writer.pending(), &mut slices);
        self.vectored = write_all(&mut **sink, slices).map_err(SaveError::io)?;
        self.writer.mark_sent(lent.bytes);
        lent.bytes = 0;
        lent.pieces.clear();
        Ok(())
    }
}

impl std::fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("offset", &self.writer.offset()).finish_non_exhaustive()
    }
}

/// Memory that goes sink with what a writer holds, each piece at its place.
#[derive(Debug)]
pub(crate) struct BorrowedPages<'m> {
    /// Each with how many of the writer's bytes come before it.
    pieces: Vec<(usize, &'m [u8])>,
    /// How many bytes they have in all.
    bytes: u64,
}

impl<'m> BorrowedPages<'m> {
    /// So many pieces at most: with what is written between them, about a quarter of what a system call takes.
    pub(crate) const PIECES: usize = 128;

    pub(crate) fn new() -> Self {
        Self { pieces: Vec::new(), bytes: 0 }
    }

    /// How many bytes are lent.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts `piece` behind what `writer` holds now. `false` if there are too many already.
    pub(crate) fn add(&mut self, writer: &Writer, piece: &'m [u8]) -> bool {
        let fits = self.pieces.len() < Self::PIECES;
        if fits {
            self.pieces.push((writer.pending().len(), piece));
            self.bytes += piece.len() as u64;
        }
        fits
    }

    /// All pieces and what is `written` between them, in order, in the front of `slices`.
    fn between<'s, 'a: 's>(&'a self, written: &'a [u8], slices: &'s mut [IoSlice<'a>]) -> &'s mut [IoSlice<'a>] {
        let (mut from, mut count) = (0, 0);
        let ends = self.pieces.iter().copied().chain([(written.len(), &[][..])]);
        for ((end, piece), pair) in ends.zip(slices.chunks_mut(2)) {
            for (slot, slice) in pair.iter_mut().zip([&written[from..end], piece]) {
                *slot = IoSlice::new(slice);
                count += 1;
            }
            from = end;
        }
        &mut slices[..count]
    }
}

/// Writes all of `slices`. `false` if no more than one was ever taken at a time: `sink` has no `write_vectored` of its
/// own.
fn write_all(sink: &mut dyn Write, mut slices: &mut [IoSlice<'_>]) -> io::Result<bool> {
    let mut left: usize = slices.iter().map(|slice| slice.len()).sum();
    let mut vectored = slices.len() <= 1;
    IoSlice::advance_slices(&mut slices, 0); // drops those in front that are empty
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
