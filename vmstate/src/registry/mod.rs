//! The devices of a machine, and under which names their sections stand in a stream.
//!
//! A [`Registry`] borrows, owns or shares devices. It saves and loads them all: see [`crate::machine`].
//!
//! ```
//! use std::sync::{Arc, Mutex};
//!
//! use vmstate::prelude::*;
//!
//! #[derive(VmState, Default)]
//! #[vmstate(name = "serial", version = 3)]
//! struct Serial {
//!     divider: u16,
//! }
//!
//! #[derive(VmState, Default)]
//! #[vmstate(name = "timer", version = 2)]
//! struct Clock {
//!     ticks: u64,
//! }
//!
//! let mut uart = Serial { divider: 12 };
//! let clock = Arc::new(Mutex::new(Clock { ticks: 1000 })); // the vCPU thread has the other end
//!
//! let mut registry = Registry::for_machine("board-1.0");
//! registry.register("timer", clock.clone())?;
//! registry.register("serial", &mut uart)?;
//!
//! let mut stream = Vec::new();
//! registry.save(&mut stream)?;
//! clock.lock().unwrap().ticks = 2000;
//! registry.load(&stream[..])?;
//! assert_eq!(clock.lock().unwrap().ticks, 1000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod device;
mod entry;
mod handler;
mod index;
mod output;

pub use device::{Device, Register, Unavailable, by};
pub(crate) use entry::{Entry, Handler};
pub use entry::{Missing, Registration};
pub use handler::{Live, Pending, Raw};
use index::Index;
pub(crate) use output::Lent;
pub use output::Output;
use vmstate_types::{LoadError, SaveError};

use crate::machine::{AfterLoad, Copies, Kept, Texts};
use crate::ram::{Block, PageSize};
use crate::stream::{Configuration, SectionHeader};

/// The devices of a machine, ready to be saved and loaded together.
///
/// Making one costs little: it can be made where it is needed, of devices that are borrowed for as long as a save takes. One
/// that is kept saves faster the next time, for it has the texts of its descriptions ready.
/// It is not `Send`, for it takes devices that are not.
#[derive(Debug)]
pub struct Registry<'d> {
    /// In QEMU's order: higher priorities first, and what was registered first before others of the same priority.
    pub(crate) entries: Vec<Entry<'d>>,
    index: Index,
    registered: u32,
    pub(crate) configuration: Option<Configuration>,
    pub(crate) page_size: PageSize,
    blockers: Vec<(Blocker, String)>,
    pub(crate) after_load: Vec<AfterLoad<'d>>,
    /// The memory for what a load copies to be able to go back.
    pub(crate) copies: Copies,
    /// What is known of descriptions from the last save.
    pub(crate) texts: Texts,
    /// Sections that came from elsewhere and that nobody here knows.
    pub(crate) kept: Vec<Kept>,
}

impl Default for Registry<'_> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            index: Index::default(),
            registered: 0,
            configuration: None,
            page_size: PageSize::DEFAULT,
            blockers: Vec::new(),
            after_load: Vec::new(),
            copies: Copies::default(),
            texts: Texts::default(),
            kept: Vec::new(),
        }
    }
}

/// What was registered, to unregister it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntryId(u32);

/// A reason not to save, to be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Blocker(u32);

/// Why a section cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The format has no room for such a name.
    #[error("a section's name has 1 to 255 bytes, and `{name}` has {length}")]
    Name {
        /// The name.
        name: String,
        /// Its length in bytes.
        length: usize,
    },
    /// Streams could not say which of the two a section is for.
    #[error("`{name}`, instance {instance_id}, is registered already: give one of the two another instance id")]
    Duplicate {
        /// The name.
        name: String,
        /// The instance id.
        instance_id: u32,
    },
    /// Streams could not say which of the two the parts of a section are for.
    #[error("`{name}` cannot have the section id {section_id}: `{other}` has it")]
    SectionId {
        /// The name.
        name: String,
        /// The name of the other section.
        other: String,
        /// The section id.
        section_id: u32,
    },
    /// There are no more instance ids.
    #[error("there is no instance id left for `{name}`: one has the highest number there is")]
    InstanceIds {
        /// The name.
        name: String,
    },
    /// Nothing can come under the alias any more.
    #[error(
        "the alias of `{name}` can go: it is for streams of version {required_for} and older, and the device reads \
         none before version {minimum_version}"
    )]
    Alias {
        /// The name.
        name: String,
        /// The newest version with the alias.
        required_for: u32,
        /// The device's minimum version.
        minimum_version: u32,
    },
    /// An old name that is not a part of the new one is never looked for.
    #[error("the old name `{compat}` must be a part of the name `{name}`")]
    Compat {
        /// The name.
        name: String,
        /// The old name.
        compat: String,
    },
    /// The device cannot be looked at.
    #[error("the device cannot be registered now: {0}")]
    Unavailable(String),
}

impl From<Unavailable> for RegisterError {
    fn from(why: Unavailable) -> Self {
        Self::Unavailable(why.to_string())
    }
}

/// For functions that register and load.
impl From<RegisterError> for LoadError {
    fn from(error: RegisterError) -> Self {
        Self::misuse("devices that can be registered", error)
    }
}

/// For functions that register and save.
impl From<RegisterError> for SaveError {
    fn from(error: RegisterError) -> Self {
        Self::misuse(error)
    }
}

impl<'d> Registry<'d> {
    /// Makes an empty registry of a machine without a name: its streams have no configuration, and it loads those of
    /// any machine.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty registry of a machine of type `machine`, such as `pc-i440fx-7.2`. It loads only streams that say
    /// the same.
    #[must_use]
    pub fn for_machine(machine: impl Into<String>) -> Self {
        let mut registry = Self::new();
        registry.set_configuration(Configuration::new(machine));
        registry
    }

    /// Says which machine this is, and what a peer must have in common with it.
    pub fn set_configuration(&mut self, configuration: Configuration) {
        self.texts.reconfigure();
        self.configuration = Some(configuration);
    }

    /// What [`set_configuration`](Self::set_configuration) has said.
    #[must_use]
    pub fn configuration(&self) -> Option<&Configuration> {
        self.configuration.as_ref()
    }

    /// Says how large the target's pages are, for the description at the end of a stream. 4096 bytes if nothing is said;
    /// [`register_ram`](Self::register_ram) says it too.
    pub fn set_page_size(&mut self, page_size: PageSize) {
        self.page_size = page_size;
    }

    /// Registers a described device under `name`.
    ///
    /// # Errors
    /// When the name is empty, too long, or taken.
    pub fn register<By: 'd, D: Register<By> + 'd>(
        &mut self,
        name: impl Into<String>,
        device: D,
    ) -> Result<EntryId, RegisterError> {
        self.add(Registration::device(name, device))
    }

    /// Registers a section that is written by hand, at `version`.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub fn register_raw(
        &mut self,
        name: impl Into<String>,
        version: u32,
        handler: impl Raw + 'd,
    ) -> Result<EntryId, RegisterError> {
        self.add(Registration::raw(name, version, handler))
    }

    /// Registers the sections of something live, at `version`.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub fn register_live(
        &mut self,
        name: impl Into<String>,
        version: u32,
        handler: impl Live + 'd,
    ) -> Result<EntryId, RegisterError> {
        self.add(Registration::live(name, version, handler))
    }

    /// Registers guest memory, under the name `ram`.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub fn register_ram<B, M>(&mut self, page_size: PageSize, blocks: M) -> Result<EntryId, RegisterError>
    where
        B: Block + 'd,
        M: AsRef<[B]> + AsMut<[B]> + 'd,
    {
        self.add(Registration::ram(page_size, blocks))
    }

    /// Registers a section of which more is to be said than its name.
    ///
    /// # Errors
    /// When a name is empty, too long, or taken; when an alias is of no use any more.
    pub fn add(&mut self, registration: Registration<'d>) -> Result<EntryId, RegisterError> {
        let page_size = registration.page_size.unwrap_or(self.page_size);
        let entry = registration.into_entry(self.registered, &self.index)?;
        self.check_ids(&entry)?;
        let id = EntryId(entry.number);
        let place = self.entries.partition_point(|other| other.key() < entry.key());
        self.index.add(&entry);
        self.entries.insert(place, entry);
        self.registered += 1;
        self.page_size = page_size;
        Ok(id)
    }

    /// Whether a stream could say which section is this entry's.
    fn check_ids(&self, entry: &Entry<'_>) -> Result<(), RegisterError> {
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

    /// Takes a section out, such as that of a device that is unplugged. `false` if it is gone already.
    pub fn unregister(&mut self, id: EntryId) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.number != id.0);
        let found = self.entries.len() < before;
        if found {
            self.index = Index::of(&self.entries);
        }
        found
    }

    /// Forbids saving for `reason`, until [`unblock`](Self::unblock) (`migrate_add_blocker`).
    pub fn block(&mut self, reason: impl Into<String>) -> Blocker {
        let number = self.blockers.last().map_or(0, |(Blocker(last), _)| last + 1);
        self.blockers.push((Blocker(number), reason.into()));
        Blocker(number)
    }

    /// Takes a reason back. `false` if it was taken back already.
    pub fn unblock(&mut self, blocker: Blocker) -> bool {
        let before = self.blockers.len();
        self.blockers.retain(|(other, _)| *other != blocker);
        self.blockers.len() < before
    }

    /// Runs `hook` after each load, when every device has its state: for what needs several devices. Hooks run in the
    /// order in which they were added, and one that fails undoes the load.
    ///
    /// A device's own hooks see only the device.
    pub fn after_load<E: std::fmt::Display>(&mut self, mut hook: impl FnMut() -> Result<(), E> + 'd) {
        self.after_load.push(AfterLoad::new(move || hook().map_err(|error| error.to_string())));
    }

    /// The names and instance ids of the sections, in the order in which they are saved.
    pub fn sections(&self) -> impl Iterator<Item = (&str, u32)> {
        self.entries.iter().map(|entry| (&*entry.header.name, entry.header.instance_id))
    }

    /// The devices that are described, in the order in which they are saved: name, instance id, description.
    pub fn descriptions(&self) -> impl Iterator<Item = (&str, u32, &'static vmstate_types::Description)> {
        let described = self.entries.iter().filter_map(|entry| Some((&entry.header, entry.description?)));
        described.map(|(header, description)| (&*header.name, header.instance_id, description))
    }

    /// One more than the highest section id, and at least 1.
    pub(crate) fn next_section_id(&self) -> u32 {
        self.index.next_section_id()
    }

    /// The entry that answers to a name and an instance id: if there are several, the first from number `from` on, and
    /// the first of all behind the last.
    pub(crate) fn find(&self, name: &str, instance_id: u32, from: usize) -> Option<usize> {
        // Sections mostly come in the order in which they are registered.
        if self.entries.get(from).is_some_and(|entry| entry.answers_to(name, instance_id)) {
            return Some(from);
        }
        let places = self.index.answering(name, instance_id);
        let places = places.filter_map(|key| self.entries.binary_search_by_key(&key, Entry::key).ok());
        places.min_by_key(|place| (*place < from, *place))
    }

    /// Why nothing can be saved now, if something forbids it.
    pub(crate) fn check_blockers(&self) -> Result<(), SaveError> {
        let devices = self.entries.iter().filter(|entry| entry.description.is_some_and(|own| own.unmigratable));
        let devices = devices.map(|entry| format!("section {} is unmigratable", entry.title()));
        let reasons: Vec<_> = devices.chain(self.blockers.iter().map(|(_, reason)| reason.clone())).collect();
        match reasons.is_empty() {
            true => Ok(()),
            false => Err(SaveError::misuse(reasons.join("; "))),
        }
    }
}

/// The id that stands for "any" in QEMU, which no section can have (`VMSTATE_INSTANCE_ID_ANY`).
const ANY: u32 = u32::MAX;
