//! Saving and loading a whole [`Machine`]: all of its devices, as one stream.
//!
//! A save writes the sections in QEMU's order: what is live while the machine runs, then every device, by priority. A
//! load takes sections as they come, and either takes all of them or leaves the machine as it was:
//!
//! 1. Before a section is loaded, the state of its device is copied.
//! 2. The section is decoded, with the hooks of nested structs and subsections in their places, as in QEMU.
//! 3. When all sections have come, and none is missing, each device's own `post_load` runs, in the order of the sections;
//!    then what was added with [`after_load`](Machine::after_load).
//! 4. If anything fails, or panics, every device gets its copy back. Its hooks run for that as for any load, so that what
//!    it derives from its state fits it again; but what they return does not count.
//!
//! The way back has its price: a load of devices takes up to twice as long as one [in place](LoadOptions::without_rollback); one of
//! guest memory takes up to twice as long where it was zero, as in a machine that was just made, and five to eight times as
//! long where every page was something else and must be copied (`tests/benches/machine.rs`).
//!
//! A machine that saves and loads again does so in the memory that it had: it keeps that of the copies, and the text of
//! each section's description, which is made anew only when the section has another shape. A save into a [`Writer`](crate::Writer) that
//! has been used allocates nothing.
//!
//! A stream can make a load hold at most twice as many bytes as have come of it, and a fixed amount: the reader's buffer of
//! 64 KiB and some for the rest; two bits for each page of guest memory; and at most 8 MiB for the headers of sections,
//! where [`Rules`] let unknown or repeated ones pass, of which there can be 16384. (What a device makes of its bytes in its
//! own containers and hooks is its own matter. Pages of memory that are to become zero are copied at the end of a load that
//! can go back, if they were not.) No length in a stream is believed before its bytes have come, and no field needs an
//! allocation of its own.
//!
//! What a stream may lack and have too much is a matter of [`Rules`]. (QEMU: `migration/savevm.c`.)

mod complete;
mod configuration;
mod description;
#[cfg(feature = "schema")]
mod diagnosis;
mod load;
mod pass_through;
mod policy;
mod progress;
mod rollback;
mod save;
mod trace;

pub use load::LoadReport;
pub use policy::{CommandHandler, LoadOptions, Repeated, Rules, Trailer, Unknown, Unread, refuse};
pub use progress::{Phase, Progress};
pub use save::{SaveOptions, SaveStats, Saving};
use vmstate_types::Description;

use self::description::DescriptionCache;
use self::load::AfterLoad;
use self::pass_through::PassThrough;
use self::rollback::Checkpoints;
use crate::ram::{PageSize, RamBlock};
use crate::registry::{BlockerId, EntryId, Register, RegisterError, Registration, Registry};
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
pub struct Machine<'d> {
    registry: Registry<'d>,
    configuration: Option<Configuration>,
    page_size: PageSize,
    after_load: Vec<AfterLoad<'d>>,
    checkpoints: Checkpoints,
    descriptions: DescriptionCache,
    /// Unknown sections of the last load, to be saved again.
    passed_through: Vec<PassThrough>,
}

impl Default for Machine<'_> {
    fn default() -> Self {
        Self {
            registry: Registry::default(),
            configuration: None,
            page_size: PageSize::DEFAULT,
            after_load: Vec::new(),
            checkpoints: Checkpoints::default(),
            descriptions: DescriptionCache::default(),
            passed_through: Vec::new(),
        }
    }
}

impl<'d> Machine<'d> {
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
    /// See [`register`](Self::register).
    pub fn register_raw(
        &mut self,
        name: impl Into<String>,
        version: u32,
        handler: impl RawSection + 'd,
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
        handler: impl LiveSection + 'd,
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
    {
        self.add(Registration::ram(page_size, blocks))
    }

    /// Registers a section with more settings than its name.
    ///
    /// # Errors
    /// Returns an error if a name is empty, too long, or taken, or if an alias is obsolete.
    pub fn add(&mut self, registration: Registration<'d>) -> Result<EntryId, RegisterError> {
        let page_size = registration.page_size.unwrap_or(self.page_size);
        let id = self.registry.add(registration)?;
        self.page_size = page_size;
        Ok(id)
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

    /// Removes a blocker. Returns `false` if it has been removed already.
    pub fn remove_blocker(&mut self, blocker: BlockerId) -> bool {
        self.registry.remove_blocker(blocker)
    }

    /// Runs `hook` after each load, when every device has its state: for work that involves several devices. Hooks run in
    /// the order in which they were added, and a failing hook rolls the load back.
    ///
    /// A device's own hooks see only the device.
    pub fn after_load<E: std::fmt::Display>(&mut self, mut hook: impl FnMut() -> Result<(), E> + 'd) {
        self.after_load.push(AfterLoad::new(move || hook().map_err(|error| error.to_string())));
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
