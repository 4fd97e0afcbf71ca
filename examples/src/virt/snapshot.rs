//! Named snapshots of the board.
//!
//! ```
//! use vmstate::schema::Release;
//! use vmstate::snapshot::{Details, Folder, Store};
//! use vmstate_examples::virt::Board;
//!
//! # let path = std::env::temp_dir().join(format!("virt-snapshots-{}", std::process::id()));
//! let store = Folder::create(&path)?;
//! let mut board = Board::new(1 << 20);
//! board.run_until(1_000_000);
//! board.save_snapshot(&store, Details::new("one millisecond"), Release::Qemu10_0)?;
//!
//! let mut other = Board::new(1 << 20);
//! other.load_snapshot(&store, "one millisecond")?;
//! assert_eq!(other.hart.regs.pc, board.hart.regs.pc);
//! assert_eq!(store.list()?[0].guest_clock.as_nanos(), board.nanoseconds().into());
//! # std::fs::remove_dir_all(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::time::Duration;

#[cfg(target_os = "linux")]
use vmstate::SaveError;
#[cfg(target_os = "linux")]
use vmstate::memory::PageSize;
use vmstate::schema::Release;
#[cfg(target_os = "linux")]
use vmstate::section::Output;
#[cfg(target_os = "linux")]
use vmstate::snapshot::{BackgroundRam, Folder, LazyRam, LazyRestore};
use vmstate::snapshot::{Details, SnapshotInfo, Store, StoreError};

use super::board::Board;
use super::migration::save_options;
#[cfg(target_os = "linux")]
use super::migration::{RUNNING, RegisterMemory};

impl Board {
    /// Saves the board like QEMU of this release as a snapshot with the board's clock. The board can continue afterwards.
    ///
    /// Call [`run_to_tick`](Self::run_to_tick) first if QEMU will load the snapshot; otherwise its timer does not start.
    ///
    /// # Errors
    /// Returns an error if the store rejects the snapshot or cannot be written.
    pub fn save_snapshot(
        &mut self,
        store: &dyn Store,
        details: Details,
        release: Release,
    ) -> Result<SnapshotInfo, StoreError> {
        let details = details.guest_clock(Duration::from_nanos(self.nanoseconds()));
        let options = save_options(release).high_section_ids();
        store.save(&details, &mut |out| self.save_to(out, release, options.clone()).map(drop))
    }

    /// Loads the snapshot with this name or id. On error the board is unchanged.
    ///
    /// # Errors
    /// Returns an error if the snapshot does not exist, or in the cases of [`load`](Self::load).
    pub fn load_snapshot(&mut self, store: &dyn Store, key: &str) -> Result<SnapshotInfo, StoreError> {
        store.load(key, &mut |reader| self.load(reader).map(drop))
    }

    /// Loads the snapshot with this name or id, like [`load_snapshot`](Self::load_snapshot), and keeps the blocks of memory: other
    /// threads may use them, and the dirty log has their changed pages.
    ///
    /// # Errors
    /// Returns an error in the cases of [`load_snapshot`](Self::load_snapshot).
    pub fn load_snapshot_in_place(&mut self, store: &dyn Store, key: &str) -> Result<SnapshotInfo, StoreError> {
        let mut new = Self::new(self.bus.memory.ram().len());
        let loaded = new.load_snapshot(store, key)?;
        self.bus.memory.copy_from(&new.bus.memory);
        std::mem::swap(&mut self.bus.memory, &mut new.bus.memory);
        self.replace(new);
        Ok(loaded)
    }

    /// Loads the devices of the snapshot with this name or id; its memory is read while the board runs. On error the board is
    /// unchanged.
    ///
    /// `on_failure` is called if the memory cannot be read. The thread of the board may wait for it then.
    ///
    /// # Errors
    /// Returns an error in the cases of [`load_snapshot`](Self::load_snapshot), and if the system does not support page faults by
    /// userfaultfd.
    #[cfg(target_os = "linux")]
    pub fn load_snapshot_lazily(
        &mut self,
        store: &Folder,
        key: &str,
        on_failure: impl FnMut(&StoreError) + Send + 'static,
    ) -> Result<LazyRestore, StoreError> {
        self.restore(store, key, |lazy| lazy, on_failure)
    }

    /// Loads the devices of the snapshot with this name or id, and maps the file of its memory. On error the board is unchanged.
    ///
    /// Nothing may shrink the file while the board runs.
    ///
    /// # Errors
    /// Returns an error in the cases of [`load_snapshot`](Self::load_snapshot), and if the snapshot is incremental.
    #[cfg(target_os = "linux")]
    pub fn load_snapshot_mapped(&mut self, store: &Folder, key: &str) -> Result<LazyRestore, StoreError> {
        self.restore(store, key, LazyRam::mapped, |_| ())
    }

    #[cfg(target_os = "linux")]
    fn restore(
        &mut self,
        store: &Folder,
        key: &str,
        options: impl FnOnce(LazyRam) -> LazyRam,
        on_failure: impl FnMut(&StoreError) + Send + 'static,
    ) -> Result<LazyRestore, StoreError> {
        let mut new = Self::new(self.bus.memory.ram().len());
        let memory = new.bus.memory.shared_blocks(true);
        let lazy = options(LazyRam::new(store.lazy_source(key)?, PageSize::DEFAULT, memory));
        let ram = lazy.clone();
        let register: &RegisterMemory = &move |machine| machine.add(ram.registration()).map(drop);
        lazy.source().load(&mut |reader| new.load_sections(reader, Some(register)).map(drop))?;
        let restore = lazy.start(on_failure)?;
        self.replace(new);
        Ok(restore)
    }

    /// Saves the devices of the stopped board. `memory` saves its memory when the board runs again: each page before the hart
    /// writes it.
    ///
    /// # Errors
    /// Returns an error if the output cannot be written.
    #[cfg(target_os = "linux")]
    pub(super) fn save_devices(
        &mut self,
        out: Output<'_>,
        release: Release,
        memory: &BackgroundRam,
    ) -> Result<(), SaveError> {
        let options = save_options(release).high_section_ids();
        let (mut out, mut saved) = (Some(out), Ok(()));
        self.with_devices(release, RUNNING, &mut |machine| {
            let Some(out) = out.take() else { return };
            saved = machine
                .add(memory.registration())
                .map_err(SaveError::misuse)
                .and_then(|_| machine.start_saving(out, options.clone())?.complete().map(drop));
        });
        if saved.is_ok() {
            self.bus.memory.set_background(Some(memory.clone()));
        }
        saved
    }
}
