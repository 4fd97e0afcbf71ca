//! One registered section: its names, its place among the others, and who saves and loads it.

use std::cmp::Reverse;
use std::fmt;

use vmstate_types::Description;
use vmstate_types::description::Priority;

use super::RegisterError;
use super::device::{Handle, Held, Register, Unavailable};
use super::index::{Index, Key};
use super::threading::{MaybeSend, Threading, Threads};
use crate::ram::{PageSize, Ram, RamBlock};
use crate::schema::SectionText;
use crate::section::{LiveSection, RawSection};
use crate::stream::SectionHeader;

/// The name of the section with guest memory.
const RAM: &str = "ram";
/// The longest name that the format can hold.
const MAX_NAME: usize = 255;

/// What to do when the stream ends and a section has not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Missing {
    /// The load fails.
    #[default]
    Reject,
    /// The device keeps the state it has, as in QEMU.
    KeepState,
}

/// A section to be added to a machine ([`Machine::add`](crate::machine::Machine::add)), with all that can be said about it.
///
/// ```
/// use vmstate::prelude::*;
/// use vmstate::registry::Registration;
///
/// #[derive(VmState)]
/// #[vmstate(name = "piix4_pm", version = 3, minimum_version = 3)]
/// struct PowerManagement {
///     status: u16,
/// }
///
/// let mut pm = PowerManagement { status: 1 };
/// let mut machine = Machine::new();
/// // Its name is "0000:00:01.3/piix4_pm", and streams of old machines that call it "piix4_pm" load too.
/// machine.add(Registration::device("piix4_pm", &mut pm).device_path("0000:00:01.3"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Registration<'d, T: Threading = Threads> {
    pub(super) name: String,
    pub(super) instance_id: Option<u32>,
    pub(super) section_id: Option<u32>,
    pub(super) version: u32,
    alias: Option<Alias>,
    compat: Option<Compat>,
    path: Option<String>,
    priority: Priority,
    missing: Option<Missing>,
    /// The size of a page, of guest memory.
    pub(crate) page_size: Option<PageSize>,
    handler: SectionHandler<'d, T>,
}

/// A second instance id, and the oldest version of the device that streams with it have.
#[derive(Debug, Clone, Copy)]
struct Alias {
    instance_id: u32,
    required_for: u32,
}

/// The name and instance that older machines use.
#[derive(Debug, Clone)]
struct Compat {
    name: String,
    instance_id: Option<u32>,
}

impl<'d, T: Threading> Registration<'d, T> {
    /// The section of a described device.
    #[must_use]
    pub fn device<By: 'd, D: Register<By> + MaybeSend<T> + 'd>(name: impl Into<String>, device: D) -> Self {
        Self::held(name, device, None)
    }

    /// The section of a described device that `reset` puts into its initial state if the section is missing.
    #[must_use]
    pub fn device_or_reset<By: 'd, D: Register<By> + MaybeSend<T> + 'd>(
        name: impl Into<String>,
        device: D,
        reset: impl FnMut(&mut D::State) + MaybeSend<T> + 'd,
    ) -> Self {
        Self::held(name, device, Some(reset.boxed_reset()))
    }

    fn held<By: 'd, D: Register<By> + MaybeSend<T> + 'd>(
        name: impl Into<String>,
        device: D,
        reset: Option<T::Reset<'d, D::State>>,
    ) -> Self {
        let handle = D::boxed_device(Held::new(device, reset));
        Self::new(name.into(), 0, SectionHandler::Device(handle))
    }

    /// A section that is written by hand, at `version`.
    #[must_use]
    pub fn raw(name: impl Into<String>, version: u32, handler: impl RawSection + MaybeSend<T> + 'd) -> Self {
        Self::new(name.into(), version, SectionHandler::Raw(handler.boxed_raw()))
    }

    /// A section that is sent in parts, at `version`.
    #[must_use]
    pub fn live(name: impl Into<String>, version: u32, handler: impl LiveSection + MaybeSend<T> + 'd) -> Self {
        Self::new(name.into(), version, SectionHandler::Live(handler.boxed_live()))
    }

    /// The sections `ram` of guest memory in `blocks`: an array, a vector or a `&mut` slice of [`RamBlock`]s.
    #[must_use]
    pub fn ram<B, M>(page_size: PageSize, blocks: M) -> Self
    where
        B: RamBlock + 'd,
        M: AsRef<[B]> + AsMut<[B]> + 'd,
        Ram<B, M>: MaybeSend<T>,
    {
        let ram = Self::live(RAM, crate::ram::VERSION, Ram::new(page_size, blocks));
        Self { page_size: Some(page_size), ..ram }
    }

    fn new(name: String, version: u32, handler: SectionHandler<'d, T>) -> Self {
        Self {
            name,
            instance_id: None,
            section_id: None,
            version,
            alias: None,
            compat: None,
            path: None,
            priority: Priority::Default,
            missing: None,
            page_size: None,
            handler,
        }
    }

    /// With this instance id. Without, it is one more than the highest of the same name, from 0 on.
    #[must_use]
    pub fn instance_id(mut self, instance_id: u32) -> Self {
        self.instance_id = Some(instance_id);
        self
    }

    /// With a second instance id, which streams of old machines have (`vmstate_register_with_alias_id`).
    ///
    /// `required_for` is the newest version of the device at which such streams were written. When the device's minimum
    /// version has passed it, nothing can come under the alias any more, and registering is refused.
    #[must_use]
    pub fn alias_id(mut self, instance_id: u32, required_for: u32) -> Self {
        self.alias = Some(Alias { instance_id, required_for });
        self
    }

    /// With the name, and the instance id, that streams of old machines have. It must be a part of the new name.
    #[must_use]
    pub fn compat(mut self, name: impl Into<String>, instance_id: u32) -> Self {
        self.compat = Some(Compat { name: name.into(), instance_id: Some(instance_id) });
        self
    }

    /// With the path of the device in its bus tree before the name, such as `0000:00:01.3` (`qdev_get_dev_path`).
    ///
    /// The name without the path, and the instance id that was given, remain as those that old machines use.
    #[must_use]
    pub fn device_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// With this section id in streams that are saved. Without, sections are numbered from 1 as they are registered.
    /// Nobody needs to care: an id is only a link inside of one stream.
    ///
    /// No live section should have the id 0: QEMU takes its parts for those of any section that has not come yet
    /// (`load_section_id` in `migration/savevm.c`).
    #[must_use]
    pub fn section_id(mut self, section_id: u32) -> Self {
        self.section_id = Some(section_id);
        self
    }

    /// With this priority among the sections. A described device has its own.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// What to do when the section does not come, whatever the options of a load say.
    #[must_use]
    pub fn if_missing(mut self, missing: Missing) -> Self {
        self.missing = Some(missing);
        self
    }

    /// Makes entry number `number`. Ids that were not given are counted: `index` says the next ones.
    pub(super) fn into_entry(mut self, number: u32, index: &Index) -> Result<Entry<'d, T>, RegisterError> {
        let description = self.handler.description()?;
        if let Some(description) = description {
            self.version = description.version;
            self.priority = description.priority;
        }
        self.check_alias(description)?;
        if let Some(path) = self.path.take() {
            let old = std::mem::take(&mut self.name);
            self.name = format!("{path}/{old}");
            self.compat = Some(Compat { name: old, instance_id: self.instance_id.take() });
        }
        self.check_name()?;
        let instance_id = self.instance_id.unwrap_or_else(|| index.next_id(&self.name));
        let section_id = self.section_id.unwrap_or_else(|| index.next_section_id());
        Ok(Entry {
            number,
            header: SectionHeader::full(section_id, self.name, instance_id, self.version),
            compat: self.compat.map(|compat| {
                let instance_id = compat.instance_id.unwrap_or_else(|| index.next_old_id(&compat.name));
                (compat.name, instance_id)
            }),
            alias_id: self.alias.map(|alias| alias.instance_id),
            priority: self.priority,
            description,
            missing: self.missing,
            text: SectionText::default(),
            handler: self.handler,
        })
    }

    fn check_name(&self) -> Result<(), RegisterError> {
        let names = std::iter::once(&self.name).chain(self.compat.as_ref().map(|compat| &compat.name));
        for name in names {
            if name.is_empty() || name.len() > MAX_NAME {
                return Err(RegisterError::Name { name: name.clone(), length: name.len() });
            }
        }
        match &self.compat {
            Some(compat) if !self.name.contains(&compat.name) => {
                Err(RegisterError::Compat { name: self.name.clone(), compat: compat.name.clone() })
            }
            _ => Ok(()),
        }
    }

    fn check_alias(&self, description: Option<&Description>) -> Result<(), RegisterError> {
        match (&self.alias, description) {
            (Some(alias), Some(description)) if alias.required_for < description.minimum_version => {
                Err(RegisterError::Alias {
                    name: self.name.clone(),
                    required_for: alias.required_for,
                    minimum_version: description.minimum_version,
                })
            }
            _ => Ok(()),
        }
    }
}

impl<T: Threading> fmt::Debug for Registration<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("name", &self.name)
            .field("instance_id", &self.instance_id)
            .finish_non_exhaustive()
    }
}

/// The part of a machine that saves and loads a section.
pub(crate) enum SectionHandler<'d, T: Threading> {
    Device(T::Device<'d>),
    Raw(T::Raw<'d>),
    Live(T::Live<'d>),
}

impl<T: Threading> SectionHandler<'_, T> {
    fn description(&mut self) -> Result<Option<&'static Description>, Unavailable> {
        let Self::Device(handle) = self else { return Ok(None) };
        handle.with(|device| device.description()).map(Some)
    }
}

/// One registered section (QEMU's `SaveStateEntry`).
pub(crate) struct Entry<'d, T: Threading> {
    /// How many were registered before.
    pub(crate) number: u32,
    /// That of its section in a stream, ready to be written: of a live one, that of the section before.
    pub(crate) header: SectionHeader,
    pub(super) alias_id: Option<u32>,
    pub(super) compat: Option<(String, u32)>,
    pub(crate) priority: Priority,
    /// That of a described device.
    pub(crate) description: Option<&'static Description>,
    pub(crate) missing: Option<Missing>,
    /// What the stream's description says about the section.
    pub(crate) text: SectionText,
    pub(crate) handler: SectionHandler<'d, T>,
}

impl<T: Threading> Entry<'_, T> {
    /// Whether a section of this name and instance is this entry's (`find_se` in `migration/savevm.c`).
    pub(crate) fn answers_to(&self, name: &str, instance_id: u32) -> bool {
        let alias = self.alias_id == Some(instance_id);
        let own = self.header.name == name && (self.header.instance_id == instance_id || alias);
        own || self.compat.as_ref().is_some_and(|(old, number)| old == name && (*number == instance_id || alias))
    }

    /// Whether it answers to another name than its own.
    pub(crate) fn has_old_name(&self) -> bool {
        self.compat.is_some()
    }

    /// Its place among the others.
    pub(crate) fn key(&self) -> Key {
        (Reverse(self.priority), self.number)
    }

    /// Whether the section goes out before the live ones start.
    pub(crate) fn is_early(&self) -> bool {
        self.description.is_some_and(|description| description.early_setup)
    }

    /// `"serial" (instance 1)`.
    pub(crate) fn title(&self) -> String {
        format!("\"{}\" (instance {})", self.header.name.escape_debug(), self.header.instance_id)
    }
}

impl<T: Threading> fmt::Debug for Entry<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title())
    }
}
