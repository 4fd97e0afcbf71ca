//! The sections of a machine: names, instance ids, aliases, priorities, and blockers.
//!
//! A [`Machine`](crate::machine::Machine) has one registry. Simple devices are registered with
//! [`Machine::register`](crate::machine::Machine::register); a [`Registration`] sets everything else that QEMU's
//! `vmstate_register` variants can set.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//!
//! use vmstate::prelude::*;
//! use vmstate::registry::Registration;
//!
//! #[derive(VmState, Default)]
//! #[vmstate(name = "serial", version = 3)]
//! struct Serial {
//!     divider: u16,
//! }
//!
//! let uart = Arc::new(Mutex::new(Serial { divider: 12 })); // shared with a vCPU thread
//! let mut console = Serial::default();
//!
//! let mut machine = Machine::new();
//! machine.register("serial", uart.clone())?;
//! machine.add(Registration::device("serial", &mut console).device_path("0000:00:04.0"))?;
//! assert_eq!(machine.sections().collect::<Vec<_>>(), [("serial", 0), ("0000:00:04.0/serial", 0)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod device;
mod entry;
mod error;
mod hook;
mod index;
mod registration;
mod threading;

use vmstate_types::error::SaveErrorKind;
use vmstate_types::{Description, SaveError};

pub use device::{Device, Register, Unavailable, ownership};
pub(crate) use device::{Handle, Poisoned};
pub use entry::Missing;
pub(crate) use entry::{Entry, SectionHandler};
pub use error::RegisterError;
pub(crate) use hook::AfterLoadHook;
use index::Index;
pub use registration::Registration;
pub use threading::{Local, MaybeSend, Threading, Threads};

use crate::stream::SectionHeader;

/// The instance id that means "any" in QEMU, which no section can have (`VMSTATE_INSTANCE_ID_ANY`).
const ANY: u32 = u32::MAX;

/// The sections of a machine.
#[derive(Debug)]
pub(crate) struct Registry<'d, T: Threading> {
    /// In QEMU's order: by descending priority, then in the order of registration.
    pub(crate) entries: Vec<Entry<'d, T>>,
    index: Index,
    registered: u32,
    /// The number of changes to `entries`.
    revision: u64,
    blockers: Vec<(BlockerId, String)>,
}

/// Identifies a registered section, to unregister it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntryId(u32);

/// Identifies a blocker, to remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockerId(u32);

impl<T: Threading> Default for Registry<'_, T> {
    fn default() -> Self {
        Self { entries: Vec::new(), index: Index::default(), registered: 0, revision: 0, blockers: Vec::new() }
    }
}

impl<'d, T: Threading> Registry<'d, T> {
    /// Adds a section and returns its id.
    ///
    /// # Errors
    /// Returns an error if a name is empty, too long, or taken, or if an alias is obsolete.
    pub(crate) fn add(&mut self, registration: Registration<'d, T>) -> Result<EntryId, RegisterError> {
        // All checks come before the first change: a rejected registration leaves the registry as it was.
        let entry = registration.into_entry(self.registered, &self.index)?;
        self.check_ids(&entry)?;
        let id = EntryId(entry.number);
        let position = self.entries.partition_point(|other| other.key() < entry.key());
        self.index.add(&entry);
        self.entries.insert(position, entry);
        self.registered += 1;
        self.revision += 1;
        Ok(id)
    }

    /// Checks that streams can identify the entry's section.
    ///
    /// QEMU does not check for duplicates: `find_se` loads such sections into the first of both entries.
    fn check_ids(&self, entry: &Entry<'_, T>) -> Result<(), RegisterError> {
        let SectionHeader { name, instance_id, section_id, .. } = &entry.header;
        if *instance_id == ANY {
            return Err(RegisterError::InstanceIds { name: name.clone() });
        }
        if self.index.has(name, *instance_id) {
            return Err(RegisterError::Duplicate { name: name.clone(), instance_id: *instance_id });
        }
        if self.index.has_section_id(*section_id) {
            let other = self.entries.iter().find(|other| other.header.section_id == *section_id);
            let other = other.map(|other| other.header.name.clone()).unwrap_or_default();
            return Err(RegisterError::SectionId { name: name.clone(), other, section_id: *section_id });
        }
        Ok(())
    }

    /// Removes a section. Returns `false` if it has been removed already.
    pub(crate) fn unregister(&mut self, id: EntryId) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.number != id.0);
        let found = self.entries.len() < before;
        if found {
            // Unregistering is rare (unplugging a device), so the index is rebuilt instead of updated.
            self.index = Index::from_entries(&self.entries);
            self.revision += 1;
        }
        found
    }

    /// Forbids saving for `reason` (`migrate_add_blocker`).
    pub(crate) fn add_blocker(&mut self, reason: String) -> BlockerId {
        // Blockers are appended, so the last one has the highest id, even after others were removed.
        let id = BlockerId(self.blockers.last().map_or(0, |(BlockerId(last), _)| last + 1));
        self.blockers.push((id, reason));
        id
    }

    /// Removes a blocker. Returns `false` if it has been removed already (`migrate_del_blocker`).
    pub(crate) fn remove_blocker(&mut self, id: BlockerId) -> bool {
        let before = self.blockers.len();
        self.blockers.retain(|(other, _)| *other != id);
        self.blockers.len() < before
    }

    /// Iterates over the names and instance ids of the sections, in the order in which they are saved.
    pub(crate) fn sections(&self) -> impl Iterator<Item = (&str, u32)> {
        self.entries.iter().map(|entry| (&*entry.header.name, entry.header.instance_id))
    }

    /// Iterates over the described devices in the order in which they are saved: name, instance id, description.
    pub(crate) fn descriptions(&self) -> impl Iterator<Item = (&str, u32, &'static Description)> {
        let described = self.entries.iter().filter_map(|entry| Some((&entry.header, entry.description?)));
        described.map(|(header, description)| (&*header.name, header.instance_id, description))
    }

    /// Returns a number that differs after every change to the entries. Sessions use it to detect that their indices
    /// are stale.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns one more than the highest section id, at least 1.
    pub(crate) fn next_section_id(&self) -> u32 {
        self.index.next_section_id()
    }

    /// Finds the entry that loads sections with this name and instance id. If several entries share an old name, each is
    /// used in turn: the first one at or after index `from`, or else the first of all.
    pub(crate) fn find(&self, name: &str, instance_id: u32, from: usize) -> Option<usize> {
        // Streams mostly have the order of registration, so the next entry is the right one without a lookup.
        if self.entries.get(from).is_some_and(|entry| entry.answers_to(name, instance_id)) {
            return Some(from);
        }
        let places = self.index.answering(name, instance_id);
        let places = places.filter_map(|key| self.entries.binary_search_by_key(&key, Entry::key).ok());
        places.min_by_key(|place| (*place < from, *place))
    }

    /// Iterates over the reasons why the machine cannot be saved: unmigratable devices, and added blockers.
    pub(crate) fn blockers(&self) -> impl Iterator<Item = String> {
        let devices = self.entries.iter().filter(|entry| entry.description.is_some_and(|own| own.unmigratable));
        let devices = devices.map(|entry| format!("section {} is unmigratable", entry.title()));
        devices.chain(self.blockers.iter().map(|(_, reason)| reason.clone()))
    }

    /// Checks that neither an unmigratable device nor a blocker forbids saving (`migration_is_blocked`).
    ///
    /// # Errors
    /// Returns an error with all reasons.
    pub(crate) fn check_blockers(&self) -> Result<(), SaveError> {
        let reasons: Vec<_> = self.blockers().collect();
        if reasons.is_empty() { Ok(()) } else { Err(SaveError::new(SaveErrorKind::Blocked, reasons.join("; "))) }
    }
}
