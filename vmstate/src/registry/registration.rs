//! The settings of a section that is being registered.

use std::fmt;

use vmstate_types::Description;
use vmstate_types::description::Priority;

use super::device::{Held, Register};
use super::entry::{Entry, Missing, SectionHandler};
use super::error::RegisterError;
use super::index::Index;
use super::threading::{MaybeSend, Threading, Threads};
use crate::memory::{PageSize, RamBlock};
use crate::ram::Ram;
use crate::schema::KeptText;
use crate::section::{LiveSection, RawSection};
use crate::stream::SectionHeader;

/// The name of the section with guest memory.
const RAM: &str = "ram";
/// The longest name that fits the format: an idstr has a length of one byte.
const MAX_NAME: usize = 255;

/// A section with all of its settings, to be added to a machine ([`Machine::add`](crate::machine::Machine::add)).
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
/// // Its name is "0000:00:01.3/piix4_pm". Streams of old machines, which call it "piix4_pm", load too.
/// machine.add(Registration::device("piix4_pm", &mut pm).device_path("0000:00:01.3"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Registration<'d, T: Threading = Threads> {
    name: String,
    instance_id: Option<u32>,
    section_id: Option<u32>,
    version: u32,
    alias: Option<Alias>,
    compat: Option<Compat>,
    path: Option<String>,
    priority: Option<Priority>,
    missing: Option<Missing>,
    /// The page size of guest memory.
    pub(crate) page_size: Option<PageSize>,
    handler: SectionHandler<'d, T>,
}

/// A second instance id, and the newest version of the device in streams that use it.
#[derive(Debug, Clone, Copy)]
struct Alias {
    instance_id: u32,
    required_for: u32,
}

/// The name and the instance id in streams of old machines.
#[derive(Debug, Clone)]
struct Compat {
    name: String,
    instance_id: Option<u32>,
}

impl<'d, T: Threading> Registration<'d, T> {
    /// Creates the section of a described device.
    #[must_use]
    pub fn device<By: 'd, D: Register<By> + MaybeSend<T> + 'd>(name: impl Into<String>, device: D) -> Self {
        Self::held(name, device, None)
    }

    /// Creates the section of a described device that `reset` puts into its initial state if the section is missing.
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

    /// Creates a section that handwritten code saves and loads, at `version`.
    #[must_use]
    pub fn raw(name: impl Into<String>, version: u32, handler: impl RawSection + MaybeSend<T> + 'd) -> Self {
        Self::new(name.into(), version, SectionHandler::Raw(handler.boxed_raw()))
    }

    /// Creates a section that is sent in parts, at `version`.
    #[must_use]
    pub fn live(name: impl Into<String>, version: u32, handler: impl LiveSection + MaybeSend<T> + 'd) -> Self {
        Self::new(name.into(), version, SectionHandler::Live(handler.boxed_live()))
    }

    /// Creates the section `ram` of guest memory in `blocks`: an array, a vector or a `&mut` slice of [`RamBlock`]s.
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
            priority: None,
            missing: None,
            page_size: None,
            handler,
        }
    }

    /// Sets the instance id. The default is one more than the highest instance id of the same name, starting at 0
    /// (`calculate_new_instance_id`).
    #[must_use]
    pub fn instance_id(mut self, instance_id: u32) -> Self {
        self.instance_id = Some(instance_id);
        self
    }

    /// Sets a second instance id, which streams of old machines use (`vmstate_register_with_alias_id`).
    ///
    /// `required_for` is the newest version of the device in such streams. If the device's minimum version is newer, the
    /// alias is obsolete, and registering fails.
    #[must_use]
    pub fn alias_id(mut self, instance_id: u32, required_for: u32) -> Self {
        self.alias = Some(Alias { instance_id, required_for });
        self
    }

    /// Sets the name and the instance id in streams of old machines. The old name must be a part of the new one.
    #[must_use]
    pub fn compat(mut self, name: impl Into<String>, instance_id: u32) -> Self {
        self.compat = Some(Compat { name: name.into(), instance_id: Some(instance_id) });
        self
    }

    /// Prefixes the name with the path of the device in its bus tree, such as `0000:00:01.3` (`qdev_get_dev_path`).
    ///
    /// The name without the path and the given instance id are kept for streams of old machines, as
    /// `vmstate_register_with_alias_id` does.
    #[must_use]
    pub fn device_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Sets the section id in saved streams. By default, sections are numbered from 1 in the order of registration, which
    /// suits everything except a comparison with QEMU's bytes: an id only links the parts of a section inside one stream.
    ///
    /// Do not give a live section the id 0. In QEMU, every section that has not been received yet has the
    /// `load_section_id` 0, so the parts of the live section would go to the first of them (`migration/savevm.c`).
    #[must_use]
    pub fn section_id(mut self, section_id: u32) -> Self {
        self.section_id = Some(section_id);
        self
    }

    /// Sets the priority. The default is the priority in the device's description. QEMU changed some of them.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Sets how to treat the section if it is missing. Rules for the section's name in the options of a load take
    /// precedence, rules for all sections do not.
    #[must_use]
    pub fn if_missing(mut self, missing: Missing) -> Self {
        self.missing = Some(missing);
        self
    }

    /// Creates entry number `number`. Ids that were not set are the next free ids of `index`.
    pub(super) fn into_entry(mut self, number: u32, index: &Index) -> Result<Entry<'d, T>, RegisterError> {
        let description = self.handler.description()?;
        if let Some(description) = description {
            self.version = description.version;
        }
        self.check_alias(description)?;
        // The given instance id belongs to the old name: with a path, names are unique and QEMU numbers them from 0
        // (`vmstate_register_with_alias_id` in migration/savevm.c).
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
            priority: self.priority.or(description.map(|known| known.priority)).unwrap_or_default(),
            description,
            missing: self.missing,
            text: KeptText::default(),
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
        // In QEMU, the old name is always the name without the path, so an unrelated one is a mistake.
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
