//! Minor faults: pages are received into a second mapping of the memory, without a copy.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::faults::{Fault, FaultKind, Faults, Placed, Placer};
use super::sys::mapped::Mapped;
use super::{DirtyBitmap, HostRange, Mapping, MemoryError, RamBlock};

/// Memory in a memfd whose pages arrive while the guest runs.
///
/// A thread that accesses a page waits until the page is resolved. Pages are written to a second mapping, which only the
/// receiver sees, and then mapped into the guest's. This takes less than half the time of [`MissingFaults`](super::MissingFaults) and
/// saves a copy, because [`second_mapping`](MinorPages::second_mapping) can be the destination of a read.
///
/// Dropping this wakes all threads: they see the pages that were written, and zeros in others.
///
/// ```
/// use std::sync::Arc;
/// use vmstate::memory::{MappingOptions, MinorFaults};
///
/// let ram = Arc::new(MappingOptions::memfd().map("ram", 1 << 20)?);
/// let minor = MinorFaults::start(vec![ram.clone()], |_, faults| println!("{faults:?}"));
/// # let Ok(minor) = minor else { return Ok(()) };
/// minor.pages().place(0, 0x3000, &[7; 4096])?;
/// assert_eq!(ram.memory().load(0x3004), Some([7; 4]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MinorFaults {
    faults: Faults,
    pages: MinorPages,
}

/// Resolves the minor faults of [`MinorFaults`], from any thread.
#[derive(Clone)]
pub struct MinorPages {
    placer: Placer,
    blocks: Arc<[SecondMapping]>,
}

struct SecondMapping {
    block: Arc<Mapping>,
    memory: Mapped,
    /// The host pages that were placed.
    placed: DirtyBitmap,
}

impl MinorFaults {
    /// Maps the blocks a second time, registers the first mapping, and starts a thread that passes faults to `handler` in
    /// batches. See [`MissingFaults::start`](super::MissingFaults::start) about the handler.
    ///
    /// # Errors
    /// Returns an error if a block is not in a memfd, the system does not support minor faults, a block is registered
    /// already, or no thread can be started.
    pub fn start(
        blocks: Vec<Arc<Mapping>>,
        mut handler: impl FnMut(&MinorPages, &[Fault]) + Send + 'static,
    ) -> Result<Self, MemoryError> {
        let shared = blocks.iter().cloned().map(|block| -> super::SharedBlock { block }).collect();
        let blocks = blocks.into_iter().map(SecondMapping::new).collect::<Result<_, _>>()?;
        let pages = MinorPages { placer: Placer::open(FaultKind::MINOR, shared)?, blocks };
        let resolve = pages.clone();
        let faults = Faults::run(pages.placer.clone(), Duration::ZERO, move |faults| handler(&resolve, faults))?;
        Ok(Self { faults, pages })
    }

    /// Returns whether faults of system calls that access the memory are handled; see
    /// [`MissingFaults::handles_kernel_faults`](super::MissingFaults::handles_kernel_faults).
    #[must_use]
    pub fn handles_kernel_faults(&self) -> bool {
        self.faults.placer().handles_kernel_faults()
    }

    /// Returns the pages, to place and resolve them.
    #[must_use]
    pub fn pages(&self) -> &MinorPages {
        &self.pages
    }
}

impl MinorPages {
    /// Returns the second mapping of a block, to receive pages into.
    ///
    /// Only write pages there that the guest does not have yet: writes to others change the guest's memory.
    #[must_use]
    pub fn second_mapping(&self, block: usize) -> Option<HostRange<'_>> {
        self.blocks.get(block).map(|block| block.memory.range())
    }

    /// Maps pages that were written to the second mapping, and wakes the threads that wait for them.
    ///
    /// # Errors
    /// Returns an error if the block is unknown, the range is outside of it or not in whole host pages, or a page was not
    /// written to the second mapping.
    pub fn resolve(&self, block: usize, bytes: Range<u64>) -> Result<Placed, MemoryError> {
        self.placer.place(block, bytes, |userfault, part| userfault.resume(part.memory))
    }

    /// Writes a host page, and wakes the threads that wait for it. A page that was placed before is not written.
    ///
    /// # Errors
    /// As for [`resolve`](Self::resolve).
    pub fn place(&self, block: usize, offset: u64, page: &[u8]) -> Result<Placed, MemoryError> {
        let blocks = self.blocks.len();
        let second = self.blocks.get(block).ok_or(MemoryError::UnknownBlock { block, blocks })?;
        let range = second.block.range(offset, page.len())?;
        let page_size = second.block.host_page_size();
        if !offset.is_multiple_of(page_size) || page.len() as u64 != page_size {
            let (idstr, size) = (second.block.idstr().to_owned(), page.len() as u64);
            return Err(MemoryError::PartialPage { idstr, size, host_page_size: page_size });
        }
        if !second.placed.insert(offset / page_size) {
            return Ok(Placed::Before);
        }
        second.memory.range().write(range.start, page);
        self.resolve(block, offset..offset + page_size)
    }
}

impl SecondMapping {
    fn new(block: Arc<Mapping>) -> Result<Self, MemoryError> {
        let memory = block.map_again()?;
        let placed = DirtyBitmap::new(block.size() / block.host_page_size());
        Ok(Self { block, memory, placed })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::memory::MappingOptions;

    const SIZE: u64 = 64 * 4096;

    fn started(ram: &Arc<Mapping>, handler: impl FnMut(&MinorPages, &[Fault]) + Send + 'static) -> Option<MinorFaults> {
        match MinorFaults::start(vec![ram.clone()], handler) {
            Ok(minor) => Some(minor),
            Err(error @ MemoryError::Unsupported { .. }) => {
                assert!(std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{error}");
                eprintln!("NOT TESTED: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn pages_arrive_in_the_second_mapping() {
        let ram = Arc::new(MappingOptions::memfd().map("ram", SIZE).unwrap());
        let (sender, faults) = mpsc::channel();
        let handler =
            move |_: &MinorPages, batch: &[Fault]| batch.iter().for_each(|fault| sender.send(*fault).unwrap_or(()));
        let Some(minor) = started(&ram, handler) else { return };
        // A present page that is not mapped is a minor fault, and an absent one is not.
        minor.pages().second_mapping(0).unwrap().write(4096, &[3; 4096]).unwrap();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| [0, 1, 2].map(|page| ram.memory().load::<1>(page * 4096).unwrap()[0]));
            for page in 0..3_u64 {
                let fault = faults.recv_timeout(Duration::from_secs(20)).expect("a fault");
                assert_eq!((fault.offset, fault.is_minor), (page * 4096, page == 1));
                if page == 1 {
                    assert_eq!(minor.pages().resolve(0, 4096..8192).unwrap(), Placed::Now);
                } else {
                    assert_eq!(minor.pages().place(0, fault.offset, &[page as u8 + 7; 4096]).unwrap(), Placed::Now);
                }
            }
            assert_eq!(reader.join().unwrap(), [7, 3, 9]);
        });
        // A page that was placed is not written again: the guest may have changed it.
        ram.write(0, &[42]).unwrap();
        assert_eq!(minor.pages().place(0, 0, &[7; 4096]).unwrap(), Placed::Before);
        assert_eq!(ram.memory().load(0), Some([42]));
        let error = minor.pages().resolve(0, 20 * 4096..21 * 4096).unwrap_err().to_string();
        assert!(error.contains("write the page to the second mapping first"), "{error}");
        assert!(minor.pages().place(0, 1, &[0; 4096]).is_err() && minor.pages().place(0, 0, &[0; 8192]).is_err());
    }

    #[test]
    fn dropping_wakes_the_guest() {
        let ram = Arc::new(MappingOptions::memfd().map("ram", SIZE).unwrap());
        let (sender, faults) = mpsc::channel();
        let Some(minor) = started(&ram, move |_, _| sender.send(()).unwrap_or(())) else { return };
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| ram.memory().load(5 * 4096));
            faults.recv_timeout(Duration::from_secs(20)).expect("a fault");
            drop(minor);
            assert_eq!(reader.join().unwrap(), Some([0; 8]));
        });
    }

    #[test]
    fn other_memory_is_rejected() {
        let ram = Arc::new(MappingOptions::anonymous().map("ram", SIZE).unwrap());
        let error = MinorFaults::start(vec![ram], |_, _| ()).map(drop).unwrap_err().to_string();
        assert_eq!(error, "a second mapping of RAM block `ram` failed; map the block with `MappingOptions::memfd`");
    }
}
