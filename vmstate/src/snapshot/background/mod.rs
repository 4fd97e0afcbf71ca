//! Background snapshots: the guest pauses only for its devices, and its memory is saved while it runs.

mod section;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use vmstate_types::SaveError;

use crate::memory::{MemoryError, PageSize, SharedBlock};
use crate::ram::BackgroundPages;
use crate::registry::{MaybeSend, Registration, Threading};

/// Guest memory that is saved while the guest runs.
///
/// [`start`](Self::start) it while the guest runs, pause the guest to save the machine with
/// [`registration`](Self::registration) in the place of its section `ram`, continue the guest, and then
/// [`finish`](Self::finish) the save. It requires a store whose files have memory at fixed places: a
/// [`Folder`](crate::snapshot::Folder).
///
/// Until the end, the first write to each page waits until the page is saved. Without a privilege, system calls that write the
/// memory fail with EFAULT meanwhile, and so do vCPUs of KVM ([`handles_kernel_faults`](Self::handles_kernel_faults)).
///
/// ```
/// use std::sync::Arc;
///
/// use vmstate::machine::SaveOptions;
/// use vmstate::memory::{MappingOptions, PageSize, RamBlock};
/// use vmstate::prelude::*;
/// use vmstate::snapshot::{BackgroundRam, Details, Folder, Store};
///
/// # let path = std::env::temp_dir().join(format!("vmstate-background-{}", std::process::id()));
/// # let store = Folder::create(&path)?;
/// let ram = Arc::new(MappingOptions::anonymous().map("ram", 1 << 20)?);
/// let background = BackgroundRam::start(PageSize::DEFAULT, vec![ram.clone()]);
/// # let Ok(background) = background else { return Ok(()) };
/// store.save(&Details::new("boot"), &mut |out| {
///     // Pause the guest here.
///     let mut machine: Machine<'_> = Machine::with_type("board");
///     machine.add(background.registration()).map_err(SaveError::misuse)?;
///     machine.start_saving(out, SaveOptions::new())?.complete()?;
///     // The guest continues here.
///     ram.write(0x3000, b"later")?;
///     background.finish()
/// })?;
/// # std::fs::remove_dir_all(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct BackgroundRam(Arc<Inner>);

struct Inner {
    page_size: PageSize,
    pages: BackgroundPages,
}

impl BackgroundRam {
    /// Protects the memory, for example while the guest runs. `blocks` are the blocks of the section `ram`.
    ///
    /// # Errors
    /// Returns an error if the system does not support userfaultfd (Linux 6.4), the memory is of a kind that cannot be
    /// protected or is registered already, or no thread can be started.
    pub fn start(page_size: PageSize, blocks: Vec<SharedBlock>) -> Result<Self, MemoryError> {
        let pages = BackgroundPages::start(page_size, blocks)?;
        Ok(Self(Arc::new(Inner { page_size, pages })))
    }

    /// Returns the section `ram` of a machine that is only saved.
    #[must_use]
    pub fn registration<'d, T: Threading>(&self) -> Registration<'d, T>
    where
        Self: MaybeSend<T>,
    {
        let mut registration = Registration::live("ram", crate::ram::VERSION, self.clone());
        registration.page_size = Some(self.0.page_size);
        registration
    }

    /// Saves the memory after the machine was saved and the guest continues. Returns when all pages are saved.
    ///
    /// # Errors
    /// Returns an error if the machine was not saved before, or the file cannot be written. The guest is not harmed, and does
    /// not wait anymore.
    pub fn finish(&self) -> Result<(), SaveError> {
        self.0.pages.finish()
    }

    /// Saves the pages of `bytes` in a block that are not saved yet, for a thread that writes them next.
    ///
    /// An emulator that executes the writes of its guest calls it in front of each of them. The page is then saved in the thread
    /// of the guest, which costs less than a page fault that another thread handles. It returns at once for pages that are saved,
    /// and after the end of the save. Writes without a call wait as usual. Bytes outside of the block are ignored.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use vmstate::memory::{MappingOptions, PageSize, RamBlock};
    /// use vmstate::snapshot::BackgroundRam;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ram = Arc::new(MappingOptions::anonymous().map("ram", 1 << 20)?);
    /// let background = BackgroundRam::start(PageSize::DEFAULT, vec![ram.clone()]);
    /// # let Ok(background) = background else { return Ok(()) };
    /// background.before_write(0, 0x3000..0x3008);
    /// ram.write(0x3000, &[1; 8])?;
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn before_write(&self, block: usize, bytes: Range<u64>) {
        self.0.pages.before_write(block, &bytes);
    }

    /// Returns the number of writes that had to wait for the save of their page.
    #[must_use]
    pub fn waits(&self) -> u64 {
        self.0.pages.waits()
    }

    /// Returns whether writes by system calls and by KVM are handled until the end.
    #[must_use]
    pub fn handles_kernel_faults(&self) -> bool {
        self.0.pages.handles_kernel_faults()
    }
}

impl std::fmt::Debug for BackgroundRam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BackgroundRam").field("waits", &self.waits()).finish_non_exhaustive()
    }
}
