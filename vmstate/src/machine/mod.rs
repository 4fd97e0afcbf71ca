//! Saving and loading a whole [`Machine`]: all of its devices, as one stream.
//!
//! | to | use |
//! |---|---|
//! | save or load in one call | [`Machine::save`], [`Machine::load`], and their variants with options |
//! | save while the guest runs | [`Machine::start_saving`] |
//! | drive a save or a load step by step, from any thread | [`SaveSession`], [`LoadSession`] |
//!
//! A save writes the sections in QEMU's order: live sections while the machine runs, then every device, by priority. A load
//! reads the sections in the order of the stream, and either loads all of them or leaves the machine unchanged:
//!
//! 1. Before a section is loaded, the state of its device is copied.
//! 2. The section is decoded. The hooks of nested structs and subsections run in their places, as in QEMU.
//! 3. After the last section, if none is missing, the `post_load` hooks of the devices run in the order of the sections,
//!    then the [`after_load`](Machine::after_load) hooks.
//! 4. If anything fails or panics, every device is restored from its copy. Then the hooks run as in any load, so that
//!    values derived from the state are derived again, but their results are ignored. A device that cannot be restored is
//!    named in the error ([`Machine::unrestored`]).
//!
//! The guide has the [guarantees](crate::guide::guarantees), the [bounds of
//! memory](crate::guide::limits#resource-limits) and the [cost of rollback](crate::guide::speed), which
//! [`LoadOptions::without_rollback`] saves.
//!
//! A machine that saves and loads repeatedly reuses its memory: it keeps the memory of the copies, and the description of
//! each section, which is generated again only when the layout changes. A save into a used
//! [`Writer`](crate::Writer) does not allocate.
//!
//! [`Rules`] define which differences between the stream and the machine are accepted. (QEMU: `migration/savevm.c`.)

mod checkpoints;
mod configuration;
mod description;
#[cfg(feature = "schema")]
mod diagnosis;
mod load;
mod pass_through;
mod received;
mod rules;
mod save;
mod session;
mod trace;

pub use load::{LoadOptions, LoadReport, LoadSession, Step, Trailer};
pub use rules::{Repeated, Rules, Unknown, Unread};
pub use save::{Iteration, SaveOptions, SaveSession, SaveStats, Saving};
use vmstate_types::Description;
#[cfg(all(unix, feature = "migration"))]
use vmstate_types::LoadError;

use self::checkpoints::Checkpoints;
use self::description::DescriptionCache;
use self::pass_through::PassThrough;
use self::session::Active;
use crate::memory::{PageSize, RamBlock};
use crate::ram::Ram;
use crate::registry::{
    BlockerId, EntryId, Local, MaybeSend, Register, RegisterError, Registration, Registry, Threading, Threads,
};
use crate::section::{LiveSection, RawSection};
use crate::stream::Configuration;

/// A machine: the devices that are saved and loaded together, as one stream.
///
/// Creating a machine is cheap, so it can borrow devices just for one save. Keeping it makes later saves faster because
/// section descriptions are cached.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use vmstate::prelude::*;
///
/// #[derive(VmState, Default)]
/// #[vmstate(name = "serial", version = 3)]
/// struct Serial {
///     divider: u16,
/// }
///
/// #[derive(VmState, Default)]
/// #[vmstate(name = "timer", version = 2)]
/// struct Clock {
///     ticks: u64,
/// }
///
/// let mut uart = Serial { divider: 12 };
/// let clock = Arc::new(Mutex::new(Clock { ticks: 1000 })); // shared with the vCPU thread
///
/// let mut machine = Machine::with_type("board-1.0");
/// machine.register("timer", clock.clone())?;
/// machine.register("serial", &mut uart)?;
///
/// let mut stream = Vec::new();
/// machine.save(&mut stream)?;
/// clock.lock().unwrap().ticks = 2000;
/// machine.load(&stream[..])?;
/// assert_eq!(clock.lock().unwrap().ticks, 1000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Machine<'d, T: Threading = Threads> {
    registry: Registry<'d, T>,
    configuration: Option<Configuration>,
    page_size: PageSize,
    after_load: AfterLoad<'d, T>,
    checkpoints: Checkpoints,
    descriptions: DescriptionCache,
    /// The session in progress.
    active: Option<Active>,
    /// Unknown sections of the last load, to be saved again.
    passed_through: Vec<PassThrough>,
    /// The devices that the last load could not restore.
    unrestored: Vec<String>,
}

impl<T: Threading> Default for Machine<'_, T> {
    fn default() -> Self {
        Self {
            registry: Registry::default(),
            configuration: None,
            page_size: PageSize::DEFAULT,
            after_load: AfterLoad(Vec::new()),
            checkpoints: Checkpoints::default(),
            descriptions: DescriptionCache::default(),
            active: None,
            passed_through: Vec::new(),
            unrestored: Vec::new(),
        }
    }
}

/// A [`Machine`] that cannot move to another thread, for devices that are not `Send`, such as `Rc<RefCell<_>>`.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
///
/// use vmstate::machine::LocalMachine;
/// use vmstate::prelude::*;
///
/// #[derive(VmState, Default)]
/// #[vmstate(name = "timer", version = 2)]
/// struct Clock {
///     ticks: u64,
/// }
///
/// let clock = Rc::new(RefCell::new(Clock { ticks: 1000 }));
/// let mut machine = LocalMachine::new_local();
/// machine.register("timer", clock.clone())?;
///
/// let mut stream = Vec::new();
/// machine.save(&mut stream)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type LocalMachine<'d> = Machine<'d, Local>;

/// The hooks that run after each load.
struct AfterLoad<'d, T: Threading>(Vec<T::AfterLoad<'d>>);

impl<T: Threading> std::fmt::Debug for AfterLoad<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} hooks", self.0.len())
    }
}

// The constructors are not generic: type inference ignores the default `Threads` in expressions, so `Machine::new()`
// would not know its type.
impl Machine<'_> {
    /// Creates an empty machine without a type: its streams have no configuration, and it loads streams of any machine
    /// type.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty machine of type `name`, such as `pc-i440fx-7.2`. It loads only streams of the same type.
    #[must_use]
    pub fn with_type(name: impl Into<String>) -> Self {
        let mut machine = Self::new();
        machine.set_configuration(Configuration::new(name));
        machine
    }
}

impl LocalMachine<'_> {
    /// Creates an empty machine without a type, which accepts devices that are not `Send`.
    #[must_use]
    pub fn new_local() -> Self {
        Self::default()
    }
}

impl<'d, T: Threading> Machine<'d, T> {
    /// Sets the machine type and everything else that a peer must have in common with this machine.
    pub fn set_configuration(&mut self, configuration: Configuration) {
        self.descriptions.reconfigure();
        self.configuration = Some(configuration);
    }

    /// Returns the configuration, if one is set.
    #[must_use]
    pub fn configuration(&self) -> Option<&Configuration> {
        self.configuration.as_ref()
    }

    /// Sets the target's page size for the description at the end of a stream. The default is 4096 bytes;
    /// [`register_ram`](Self::register_ram) sets it too.
    pub fn set_page_size(&mut self, page_size: PageSize) {
        self.page_size = page_size;
    }

    /// Registers a described device under `name`.
    ///
    /// # Errors
    /// Returns an error if the name is empty, too long, or taken.
    pub fn register<By: 'd, D: Register<By> + MaybeSend<T> + 'd>(
        &mut self,
        name: impl Into<String>,
        device: D,
    ) -> Result<EntryId, RegisterError> {
        self.add(Registration::device(name, device))
    }

    /// Registers a section that is written by hand, at `version`.
    ///
    /// # Errors
    /// See [`register`](Self::register).
    pub fn register_raw(
        &mut self,
        name: impl Into<String>,
        version: u32,
        handler: impl RawSection + MaybeSend<T> + 'd,
    ) -> Result<EntryId, RegisterError> {
        self.add(Registration::raw(name, version, handler))
    }

    /// Registers a section that is sent in parts, at `version`.
    ///
    /// # Errors
    /// See [`register`](Self::register).
    pub fn register_live(
        &mut self,
        name: impl Into<String>,
        version: u32,
        handler: impl LiveSection + MaybeSend<T> + 'd,
    ) -> Result<EntryId, RegisterError> {
        self.add(Registration::live(name, version, handler))
    }

    /// Registers guest memory, under the name `ram`.
    ///
    /// # Errors
    /// See [`register`](Self::register).
    pub fn register_ram<B, M>(&mut self, page_size: PageSize, blocks: M) -> Result<EntryId, RegisterError>
    where
        B: RamBlock + 'd,
        M: AsRef<[B]> + AsMut<[B]> + 'd,
        Ram<B, M>: MaybeSend<T>,
    {
        self.add(Registration::ram(page_size, blocks))
    }

    /// Registers a section with more settings than its name.
    ///
    /// # Errors
    /// Returns an error if a name is empty, too long, or taken, or if an alias is obsolete.
    pub fn add(&mut self, registration: Registration<'d, T>) -> Result<EntryId, RegisterError> {
        let page_size = registration.page_size.unwrap_or(self.page_size);
        let id = self.registry.add(registration)?;
        self.page_size = page_size;
        // The search takes time for each section, and nearly no machine has kept one.
        if !self.passed_through.is_empty() {
            self.drop_kept_sections_of(id);
        }
        Ok(id)
    }

    /// Drops the kept sections of a device that sends its own state now. A second section of its name would make the stream
    /// invalid.
    fn drop_kept_sections_of(&mut self, id: EntryId) {
        let entry = self.registry.entries.iter().find(|entry| entry.id() == id);
        self.passed_through.retain(|kept| !entry.is_some_and(|entry| kept.is_for(entry)));
    }

    /// Returns the devices that the last load could not restore after its failure, each with the reason.
    ///
    /// The error of the load contains the same ([`LoadError::unrestored`](crate::LoadError::unrestored)). A load that panics
    /// has no error. A device is not restored if it is borrowed (`RefCell`), if it rejects its own state, or if a hook
    /// panics during the rollback; in the latter case only the state that the hook derives may differ.
    #[must_use]
    pub fn unrestored(&self) -> &[String] {
        &self.unrestored
    }

    /// Removes a section, such as the section of a device that is unplugged. Returns `false` if it has been removed
    /// already.
    pub fn unregister(&mut self, id: EntryId) -> bool {
        self.registry.unregister(id)
    }

    /// Forbids saving for `reason`, until [`remove_blocker`](Self::remove_blocker) (`migrate_add_blocker`).
    pub fn add_blocker(&mut self, reason: impl Into<String>) -> BlockerId {
        self.registry.add_blocker(reason.into())
    }

    /// Returns the reasons why the machine cannot be saved: unmigratable devices, and blockers.
    ///
    /// ```
    /// use vmstate::machine::Machine;
    ///
    /// let mut machine = Machine::new();
    /// machine.add_blocker("a device is being reset");
    /// assert_eq!(machine.blockers(), ["a device is being reset"]);
    /// ```
    #[must_use]
    pub fn blockers(&self) -> Vec<String> {
        self.registry.blockers().collect()
    }

    /// Removes a blocker. Returns `false` if it has been removed already.
    pub fn remove_blocker(&mut self, blocker: BlockerId) -> bool {
        self.registry.remove_blocker(blocker)
    }

    /// Runs `hook` after each load, when every device has its state: for work that involves several devices. Hooks run in
    /// the order in which they were added, and a failing hook rolls the load back.
    ///
    /// A device's own hooks see only the device.
    pub fn after_load<E: std::fmt::Display>(&mut self, hook: impl FnMut() -> Result<(), E> + MaybeSend<T> + 'd) {
        self.after_load.0.push(hook.boxed_after_load());
    }

    /// Iterates over the names and instance ids of the unknown sections of the last load, which were kept.
    #[cfg(all(unix, feature = "migration"))]
    pub(crate) fn kept_sections(&self) -> impl ExactSizeIterator<Item = (&str, u32)> {
        self.passed_through.iter().map(PassThrough::name)
    }

    /// Checks that the unknown sections of the last load, which were kept, follow the offset `memory` of the stream, and are
    /// exactly the sections of its description, which is kept, too. Returns the page size in the description.
    #[cfg(all(unix, feature = "migration"))]
    pub(crate) fn check_kept(&mut self, memory: u64, description: Option<&str>) -> Result<Option<u64>, LoadError> {
        if let Some(early) = self.passed_through.iter().find(|section| section.offset() < memory) {
            return Err(LoadError::incompatible("device sections after the memory", "a device before the memory")
                .at_offset(early.offset())
                .or_advice("unplug the device, such as virtio-mem"));
        }
        description.map_or(Ok(None), |text| pass_through::describe_all(&mut self.passed_through, text))
    }

    /// Iterates over the names and instance ids of the sections, in the order in which they are saved.
    pub fn sections(&self) -> impl Iterator<Item = (&str, u32)> {
        self.registry.sections()
    }

    /// Iterates over the described devices in the order in which they are saved: name, instance id, description.
    pub fn descriptions(&self) -> impl Iterator<Item = (&str, u32, &'static Description)> {
        self.registry.descriptions()
    }
}
