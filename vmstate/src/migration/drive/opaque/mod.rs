//! Guests whose devices this program does not know: received from any QEMU, kept, and sent to any QEMU.

mod file_block;
mod receive;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vmstate_types::{LoadError, Reader, SaveError};

use self::file_block::{PAGE, PageFile};
pub use self::receive::Kept;
use super::host::{Host, HostError, HostMemory};
use crate::machine::{LoadOptions, LoadReport, Machine, Rules, SaveOptions, SaveStats, Saving, Trailer, Unknown};
use crate::memory::PageSize;
use crate::ram::{self, AnnouncedMemory, AnnouncedRam, Created, Ram};
use crate::registry::Registration;
#[cfg(feature = "schema")]
use crate::schema::vmdesc::Document;
use crate::section::Output;
use crate::stream::{Command, Configuration};

/// A stopped guest whose devices this program does not know.
///
/// Its device sections are kept as bytes, and its memory is in a file. It is received from a QEMU or loaded from a stream,
/// and is then a [`Host`], which an [`Outgoing`](super::Outgoing) migration sends to any QEMU.
///
/// ```no_run
/// use std::fs::File;
///
/// use vmstate::machine::SaveOptions;
/// use vmstate::migration::{Incoming, OpaqueGuest, Outgoing, Parameters, Uri};
/// use vmstate::section::Output;
/// use vmstate::Writer;
///
/// # fn pages() -> std::io::Result<File> { unimplemented!() }
/// // Take the guest out of a QEMU, which reports `completed` after the closure has returned.
/// let incoming = Incoming::listen(&"unix:/run/guest.sock".parse::<Uri>()?, Parameters::default())?;
/// let mut guest = OpaqueGuest::new(pages()?);
/// guest.receive(incoming, |guest| {
///     let mut file = File::create("guest.state")?;
///     guest.save(Output::new(&mut Writer::new(), Some(&mut file)), SaveOptions::new())?;
///     Ok(file.sync_all()?)
/// })?;
///
/// // Move it to another QEMU.
/// Outgoing::start(&mut guest, &"tcp:other:4444".parse::<Uri>()?, Parameters::default())?.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Limits
///
/// The file has the size of all pages that were not zero at some time, and is sparse. The process needs one bit for each
/// 4 KiB of memory, 64 MiB for the section that is being read, and at most 1 GiB for all device sections. A source that
/// announces more memory than the [limit](Self::memory_limit) is rejected before anything is allocated for it.
///
/// Other live sections than guest memory (block dirty bitmaps, VFIO, storage attributes of s390x), memory that is left
/// out of the stream (`x-ignore-shared`), and devices that precede the memory (virtio-mem) are errors.
#[derive(Debug)]
pub struct OpaqueGuest {
    pages: PageFile,
    page_size: Option<PageSize>,
    machine: Machine<'static>,
    configuration: Option<Configuration>,
    memory: Option<HostMemory>,
    uuid: [u8; 16],
}

/// The progress of an [`OpaqueGuest`] that is received or loaded, for other threads.
#[derive(Debug, Clone)]
pub struct GuestProgress {
    written: Arc<AtomicU64>,
    size: Arc<AtomicU64>,
}

impl GuestProgress {
    /// Returns the bytes of pages that have arrived with data, each as often as it was sent.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Returns the size of the memory that the stream has announced.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }
}

impl OpaqueGuest {
    /// Creates a guest without state, whose memory will be in `file`: an empty file that can be read and written, such as a
    /// temporary file.
    #[must_use]
    pub fn new(file: File) -> Self {
        let pages = PageFile::new(file, 1 << 40);
        let (machine, uuid) = (Machine::new(), [0; 16]);
        Self { pages, page_size: None, machine, configuration: None, memory: None, uuid }
    }

    /// Sets the most bytes of memory that a stream may announce. The default is 1 TiB.
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.pages.limit = bytes;
        self
    }

    /// Sets the target page size. By default, it is found in the first pages of the stream, and is 4 KiB with data channels
    /// (`multifd`).
    #[must_use]
    pub fn page_size(mut self, page_size: PageSize) -> Self {
        self.page_size = Some(page_size);
        self
    }

    /// Sets the UUID that data channels announce to the destination (QEMU's option `-uuid`). The default is the UUID in
    /// the configuration, or zeros.
    #[must_use]
    pub fn uuid(mut self, uuid: [u8; 16]) -> Self {
        self.uuid = uuid;
        self
    }

    /// Returns a handle that reads the progress of [`receive`](Self::receive) and [`load`](Self::load).
    #[must_use]
    pub fn progress(&self) -> GuestProgress {
        GuestProgress { written: Arc::clone(&self.pages.written), size: Arc::clone(&self.pages.size) }
    }

    /// Returns the machine type and everything else that the destination must have in common with the guest, or `None`
    /// if the stream had no configuration.
    #[must_use]
    pub fn configuration(&self) -> Option<&Configuration> {
        self.configuration.as_ref()
    }

    /// Iterates over the names and instance ids of the device sections.
    pub fn devices(&self) -> impl ExactSizeIterator<Item = (&str, u32)> {
        self.machine.kept_sections()
    }

    /// Loads the guest from a stream. In a file, memory may have fixed places
    /// ([`mapped-ram`](LoadOptions::mapped_ram)); the reader must then have the offsets of the file.
    ///
    /// # Errors
    /// Returns an error if the stream is malformed, contains something else than devices and memory, or exceeds a limit.
    pub fn load(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        self.load_with(reader, load_options())
    }

    /// Loads the guest from a stream whose description is known, which contains the page size and the ends of sections.
    ///
    /// # Errors
    /// See [`load`](Self::load).
    #[cfg(feature = "schema")]
    pub fn load_described(&mut self, reader: &mut Reader<'_>, description: Document) -> Result<(), LoadError> {
        if self.page_size.is_none() {
            self.page_size = PageSize::new(description.page_size).ok();
        }
        self.load_with(reader, load_options().description(description))
    }

    fn load_with(&mut self, reader: &mut Reader<'_>, options: LoadOptions) -> Result<(), LoadError> {
        let memory = self.announced();
        let ram = AnnouncedRam::new(Arc::clone(&memory), None);
        let registered = self.machine.add(Registration::live("ram", ram::VERSION, ram));
        let id = registered.map_err(|error| LoadError::misuse("a guest without state", error))?;
        let options = options.trailer(Trailer::Required);
        let loaded = self.machine.load_with_commands(reader, options, |command| match command {
            // A recorded conversation contains them.
            Command::OpenReturnPath | Command::Ping(_) | Command::SwitchoverStart => Ok(()),
            other => Err(other.reject()),
        });
        self.machine.unregister(id);
        self.accept(&memory, &loaded?)
    }

    /// Saves the guest as one stream, in which each page is present once. The output decides whether memory has fixed
    /// places.
    ///
    /// # Errors
    /// Returns an error if the guest has no state, its memory cannot be read, or the output fails.
    pub fn save(&mut self, out: Output<'_>, options: SaveOptions) -> Result<SaveStats, SaveError> {
        let memory = self.memory.clone().ok_or_else(|| SaveError::misuse("the guest has no state"))?;
        let mut registration = Registration::live("ram", ram::VERSION, Ram::new(memory.page_size, memory.blocks));
        registration.page_size = Some(memory.page_size);
        let id = self.machine.add(registration).map_err(SaveError::misuse)?;
        let options = if self.configuration.is_some() { options } else { options.without_configuration() };
        let saved = self.machine.start_saving(out, options).and_then(Saving::complete);
        self.machine.unregister(id);
        saved
    }

    /// Returns memory that is created when a stream lists it.
    fn announced(&self) -> Arc<AnnouncedMemory> {
        let pages = self.pages.clone();
        let create = move |header: &_| Ok(Arc::new(pages.create(header)?) as _);
        Arc::new(AnnouncedMemory::new(self.page_size, Box::new(create)))
    }

    /// Accepts the machine that was loaded with `memory`.
    fn accept(&mut self, memory: &AnnouncedMemory, report: &LoadReport) -> Result<(), LoadError> {
        let Some(Created { page_size, blocks, offset }) = memory.created().cloned() else {
            return Err(LoadError::misuse("a stream with guest memory", "none"));
        };
        let described = self.machine.check_kept(offset, report.description.as_deref())?;
        if let Some(described) = described.filter(|described| *described != page_size.bytes()) {
            let expected = format!("pages of {described} bytes, as described");
            return Err(LoadError::incompatible(expected, page_size.bytes()).or_advice("set the target page size"));
        }
        // A save needs bits for each target page.
        let (size, limit) = (self.pages.size.load(Ordering::Relaxed), self.pages.limit / PAGE);
        if size / page_size.bytes() > limit {
            let expected = format!("at most {limit} pages");
            return Err(LoadError::rejected(expected, "more; raise the limit of memory"));
        }
        self.configuration.clone_from(&report.configuration);
        if let Some(configuration) = &mut self.configuration {
            // Every save decides anew whether memory has fixed places.
            configuration.capabilities = configuration.capabilities.take().and_then(without_mapped_ram);
            self.machine.set_configuration(configuration.clone());
        }
        self.machine.set_page_size(page_size);
        self.memory = Some(HostMemory::new(page_size, blocks, None));
        Ok(())
    }
}

/// Removes the capability. A list that contained nothing else is not sent.
fn without_mapped_ram(mut capabilities: Vec<String>) -> Option<Vec<String>> {
    let count = capabilities.len();
    capabilities.retain(|name| name != "mapped-ram");
    Some(capabilities).filter(|left| left.len() == count || !left.is_empty())
}

/// Returns options with which any guest is loaded. A failed load is discarded as a whole, so there is nothing to roll back.
fn load_options() -> LoadOptions {
    let rules = Rules::default().unknown(Unknown::PassThrough);
    LoadOptions::new().rules(rules).ignore_machine_type().without_rollback().mapped_ram()
}

/// The guest is stopped, and is only sent.
impl Host for OpaqueGuest {
    fn configuration(&self) -> Configuration {
        self.configuration.clone().unwrap_or_default()
    }

    fn uuid(&self) -> [u8; 16] {
        let configured = self.configuration.as_ref().and_then(|configuration| configuration.uuid);
        if self.uuid == [0; 16] { configured.unwrap_or_default() } else { self.uuid }
    }

    fn memory(&self) -> HostMemory {
        self.memory.clone().unwrap_or_else(|| HostMemory::new(PageSize::DEFAULT, Vec::new(), None))
    }

    fn with_machine(&mut self, use_machine: &mut dyn FnMut(&mut Machine<'_>)) {
        use_machine(&mut self.machine);
    }

    fn is_running(&self) -> bool {
        false
    }

    fn stop(&mut self) -> Result<(), HostError> {
        Ok(())
    }

    fn resume(&mut self) -> Result<(), HostError> {
        Err("the guest does not run in this process; send it to a QEMU".into())
    }
}
