//! First writes to protected pages, which wait until the page has been saved.

use std::ops::Range;
use std::time::Duration;

use super::MemoryError;
use super::faults::{Fault, FaultKind, Faults, Placer};
use super::tracked::SharedBlock;

/// Memory whose pages can be protected: a thread that writes a protected page waits until the page is
/// [released](ProtectedPages::release).
///
/// It works with any mapping that userfaultfd supports, and does not stop reads. Dropping this releases all pages.
///
/// ```
/// use std::sync::Arc;
/// use vmstate::memory::{FirstWrites, MappingOptions, RamBlock};
///
/// let ram = Arc::new(MappingOptions::anonymous().map("ram", 1 << 20)?);
/// ram.write(0x3000, &[1])?;
/// let writes = FirstWrites::start(vec![ram.clone()], |pages, faults| {
///     for fault in faults {
///         // Save the page here.
///         pages.release(fault.block, fault.offset..fault.offset + 4096).unwrap();
///     }
/// });
/// # let Ok(writes) = writes else { return Ok(()) };
/// writes.pages().protect(0, 0..1 << 20)?;
/// // A vCPU, which waits for the handler.
/// ram.write(0x3000, &[2])?;
/// assert_eq!(ram.memory().load(0x3000), Some([2]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FirstWrites {
    faults: Faults,
    pages: ProtectedPages,
}

/// Protects and releases the pages of [`FirstWrites`], from any thread.
#[derive(Clone)]
pub struct ProtectedPages(Placer);

/// The time for which the thread looks for the next write before it sleeps. A guest that writes one page often writes another
/// one soon, and to wake the thread can take longer than to save the page.
const ATTENTION: Duration = Duration::from_micros(100);

impl FirstWrites {
    /// Checks that the system can protect memory.
    ///
    /// # Errors
    /// Returns an error with the missing feature or permission.
    pub fn probe() -> Result<(), MemoryError> {
        Placer::open(FaultKind::WRITES, Vec::new()).map(drop)
    }

    /// Registers `blocks`, whose pages are not protected yet, and starts a thread that passes writes to `handler` in batches.
    ///
    /// The handler must not write to the memory. If it panics, all pages are released.
    ///
    /// # Errors
    /// Returns an error if the system does not support userfaultfd (Linux 6.4), a block has no address or is registered
    /// already, or no thread can be started.
    pub fn start(
        blocks: Vec<SharedBlock>,
        mut handler: impl FnMut(&ProtectedPages, &[Fault]) + Send + 'static,
    ) -> Result<Self, MemoryError> {
        let pages = ProtectedPages(Placer::open(FaultKind::WRITES, blocks)?);
        let released = pages.clone();
        let faults = Faults::run(pages.0.clone(), ATTENTION, move |faults| handler(&released, faults))?;
        Ok(Self { faults, pages })
    }

    /// Returns whether writes by system calls are handled, too. Without a privilege such system calls fail with EFAULT.
    #[must_use]
    pub fn handles_kernel_faults(&self) -> bool {
        self.faults.placer().handles_kernel_faults()
    }

    /// Returns the pages, to protect and release them.
    #[must_use]
    pub fn pages(&self) -> &ProtectedPages {
        &self.pages
    }
}

impl ProtectedPages {
    /// Protects whole host pages, also pages that have never been accessed.
    ///
    /// # Errors
    /// Returns an error if the block is unknown, the range is outside of it or not in whole host pages, or the system is
    /// out of memory.
    pub fn protect(&self, block: usize, bytes: Range<u64>) -> Result<(), MemoryError> {
        self.change(block, bytes, true)
    }

    /// Releases whole host pages, and wakes the threads that wait to write them.
    ///
    /// # Errors
    /// As for [`protect`](Self::protect).
    pub fn release(&self, block: usize, bytes: Range<u64>) -> Result<(), MemoryError> {
        self.change(block, bytes, false)
    }

    fn change(&self, block: usize, bytes: Range<u64>, protects: bool) -> Result<(), MemoryError> {
        let change = self.0.place(block, bytes, |userfault, part| {
            userfault.write_protect(part.memory, protects).map(|()| part.memory.len())
        });
        change.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, mpsc};

    use super::*;
    use crate::memory::{HostRange, MappingOptions, RamBlock};

    const SIZE: u64 = 64 * 4096;

    fn started(result: Result<FirstWrites, MemoryError>) -> Option<FirstWrites> {
        match result {
            Ok(writes) => Some(writes),
            Err(error @ MemoryError::Unsupported { .. }) => {
                assert!(std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{error}");
                eprintln!("NOT TESTED: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Written, read, and untouched pages.
    #[test]
    fn first_write_waits_for_the_handler() {
        for options in [MappingOptions::anonymous(), MappingOptions::memfd()] {
            let ram = Arc::new(options.map("ram", SIZE).unwrap());
            (0..16).for_each(|page| ram.write(page * 4096, &[page as u8 + 1]).unwrap());
            (16..32).for_each(|page| assert_eq!(ram.memory().load(page * 4096), Some([0])));
            let (seen, counted) = (ram.clone(), Arc::new(AtomicU64::new(0)));
            let count = counted.clone();
            let writes = FirstWrites::start(vec![ram.clone()], move |pages, faults| {
                for fault in faults {
                    let page = seen.memory().get(fault.offset as usize..fault.offset as usize + 4096);
                    let before = page.map(HostRange::to_vec).unwrap();
                    let number = fault.offset / 4096;
                    assert_eq!(u64::from(before[0]), if number < 16 { number + 1 } else { 0 });
                    count.fetch_add(1, Ordering::Relaxed);
                    pages.release(fault.block, fault.offset..fault.offset + 4096).unwrap();
                }
            });
            let Some(writes) = started(writes) else { return };
            ram.write(0, &[1]).unwrap();
            assert_eq!(counted.load(Ordering::Relaxed), 0, "nothing is protected");
            writes.pages().protect(0, 0..SIZE).unwrap();
            assert!((0..64).all(|page| ram.memory().load::<8>(page * 4096).is_some()));
            assert_eq!(counted.load(Ordering::Relaxed), 0, "reads do not wait");
            for round in 0..2 {
                (0..64).for_each(|page| ram.write(page * 4096, &[100 + round]).unwrap());
            }
            assert_eq!(counted.load(Ordering::Relaxed), 64);
            assert!((0..64).all(|page| ram.memory().load(page * 4096) == Some([101])));
        }
    }

    #[test]
    fn dropping_releases_writers() {
        let ram = Arc::new(MappingOptions::anonymous().map("ram", SIZE).unwrap());
        let (sender, faults) = mpsc::channel();
        let writes = FirstWrites::start(vec![ram.clone()], move |_, _| sender.send(()).unwrap_or(()));
        let Some(writes) = started(writes) else { return };
        writes.pages().protect(0, 0..SIZE).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| ram.write(5 * 4096, &[7]));
            faults.recv_timeout(Duration::from_secs(120)).expect("a fault");
            drop(writes);
            writer.join().unwrap().unwrap();
        });
        assert_eq!(ram.memory().load(5 * 4096), Some([7]));
    }

    #[test]
    fn wrong_ranges_are_errors() {
        let ram = Arc::new(MappingOptions::anonymous().map("ram", SIZE).unwrap());
        let Some(writes) = started(FirstWrites::start(vec![ram], |_, _| ())) else { return };
        for bytes in [0..100, 0..SIZE + 4096] {
            assert!(writes.pages().protect(0, bytes.clone()).is_err() && writes.pages().release(0, bytes).is_err());
        }
        assert!(matches!(writes.pages().protect(1, 0..4096), Err(MemoryError::UnknownBlock { block: 1, blocks: 1 })));
    }
}
