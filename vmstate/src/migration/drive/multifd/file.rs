//! The threads that write pages to their places in a file, and that read them from there.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use vmstate_types::SaveError;

use super::handles::{DIRECT, handles};
use super::receive::{Leave, Receiving};
use super::send::{Panic, Sending};
use crate::memory::RamBlock;
use crate::migration::drive::channel::INCOMPLETE;
use crate::migration::drive::host::HostMemory;
use crate::ram::AlignedBuffer;
use crate::ram::channels::{Claim, Connections, PlacedWord, SharedLoad, SharedSave, SyncPoints};

type Block = Arc<dyn RamBlock + Send + Sync>;

impl Sending {
    /// Starts threads that write pages to their places in the file, past the page cache if it has the path `direct`.
    pub(in crate::migration::drive) fn to_file(
        file: &File,
        channels: u8,
        memory: &HostMemory,
        direct: Option<&str>,
    ) -> io::Result<Self> {
        let files = handles(file, channels, direct, memory.page_size)?;
        let shared = Arc::new(SharedSave::new(channels.into()));
        let writer = |(id, file)| Writer {
            id,
            file,
            blocks: memory.blocks.clone(),
            shared: Arc::clone(&shared),
            buffer: buffer(direct),
        };
        let writers = files.into_iter().enumerate().map(writer);
        let threads = writers.map(|writer| thread::spawn(move || writer.run())).collect();
        Ok(Self { shared, points: SyncPoints::File, channels: Vec::new(), threads })
    }
}

fn buffer(direct: Option<&str>) -> AlignedBuffer {
    AlignedBuffer::new(if direct.is_some() { DIRECT } else { 1 })
}

/// A thread that writes pages.
struct Writer {
    id: usize,
    file: File,
    blocks: Vec<Block>,
    shared: Arc<SharedSave>,
    buffer: AlignedBuffer,
}

impl Writer {
    fn run(mut self) {
        let _panic = Panic(Arc::clone(&self.shared));
        if let Err(error) = self.work() {
            self.shared.fail(format!("data channel {}: {error}", self.id));
        }
    }

    /// Writes pages until the migration ends. All pages of a claim are in the file before the next claim, so nothing waits
    /// for a synchronization point.
    fn work(&mut self) -> Result<(), SaveError> {
        let mut synchronizations = 0;
        loop {
            match self.shared.claim(synchronizations, false) {
                Claim::Pages(index, word) => {
                    if let Some(block) = self.blocks.get(index) {
                        self.shared.write_placed(block, (index, word), &self.file, &mut self.buffer)?;
                    }
                }
                Claim::Flush => {}
                Claim::Synchronize => {
                    synchronizations += 1;
                    self.shared.synchronized();
                }
                Claim::Stop => return Ok(()),
            }
        }
    }
}

/// A file has no connections: reads of a file end.
struct NoConnections;

impl Connections for NoConnections {
    fn interrupt_main(&self) {}

    fn close_data(&self) {}
}

impl Receiving {
    /// Starts threads that read pages from their places in the file, past the page cache if it has the path `direct`.
    pub(in crate::migration::drive) fn from_file(
        file: &File,
        channels: u8,
        memory: &HostMemory,
        direct: Option<&str>,
        timeout: Duration,
    ) -> io::Result<Self> {
        let files = handles(file, channels, direct, memory.page_size)?;
        let (count, blocks) = (channels.into(), Some(memory.blocks.clone()));
        let shared = SharedLoad::new(memory.page_size, blocks, count, Box::new(NoConnections), timeout).of_file();
        let shared = Arc::new(shared);
        let reader = |(id, file)| Reader { id, file, shared: Arc::clone(&shared), buffer: buffer(direct) };
        let readers = files.into_iter().enumerate().map(reader);
        let threads = readers.map(|reader| thread::spawn(move || reader.run())).collect();
        Ok(Self { shared, threads, _channels: Vec::new() })
    }
}

/// A thread that reads pages.
struct Reader {
    id: usize,
    file: File,
    shared: Arc<SharedLoad>,
    buffer: AlignedBuffer,
}

impl Reader {
    fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut leave = Leave::new(&shared);
        leave.error = self.work().err().map(|error| format!("data channel {}: {error}", self.id));
    }

    fn work(&mut self) -> io::Result<()> {
        while let Some(claimed) = self.shared.claim_places() {
            self.read(claimed)?;
            self.shared.have_read_places();
        }
        Ok(())
    }

    fn read(&mut self, claimed: PlacedWord) -> io::Result<()> {
        let block = self.shared.prepare_places(claimed).map_err(io::Error::other)?;
        for (range, place) in claimed.ranges(self.shared.page_size().bytes()) {
            let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
            read_pages(&self.file, block, (range.start, length), place, &mut self.buffer)
                .map_err(|error| explain(&error, block, place))?;
        }
        Ok(())
    }
}

fn explain(error: &io::Error, block: &Block, place: u64) -> io::Error {
    let idstr = block.idstr();
    let text = match error.kind() {
        ErrorKind::UnexpectedEof => format!("expected pages of `{idstr}`, found the end of the file; {INCOMPLETE}"),
        _ => error.to_string(),
    };
    io::Error::other(format!("at {place:#x} of the file: {text}"))
}

/// The smallest unit of direct I/O.
const SECTOR: usize = 512;

/// Reads pages to their place in memory, or through `buffer` if direct I/O cannot.
fn read_pages(
    file: &File,
    block: &Block,
    (offset, length): (u64, usize),
    place: u64,
    buffer: &mut AlignedBuffer,
) -> io::Result<()> {
    #[cfg(all(target_os = "linux", feature = "mapping"))]
    if let Some(memory) = block.host_range(offset, length).filter(|memory| memory.len() == length)
        && buffer.accepts(memory.as_ptr())
    {
        return read_whole(length, |done| match memory.get(done..length) {
            Some(rest) => crate::memory::read_memory_at(file, rest, place.saturating_add(done as u64)),
            None => Ok(0),
        });
    }
    let copy = buffer.get(length);
    read_whole(length, |done| {
        file.read_at(copy.get_mut(done..).unwrap_or_default(), place.saturating_add(done as u64))
    })?;
    block.write(offset, copy).map_err(io::Error::other)
}

/// Repeats `read` from the number of bytes on that it has read, until it has read `length` bytes. Only the end of a file
/// makes a direct read short, and the next one would not be aligned.
fn read_whole(length: usize, mut read: impl FnMut(usize) -> io::Result<usize>) -> io::Result<()> {
    let mut done = 0;
    while done < length {
        match read(done) {
            Ok(count) if count == 0 || (done + count < length && !count.is_multiple_of(SECTOR)) => {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            Ok(count) => done += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
