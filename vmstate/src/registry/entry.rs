//! A registered section: its names, its place in the order, and its handler (QEMU's `SaveStateEntry`).

use std::cmp::Reverse;
use std::fmt;

use vmstate_types::Description;
use vmstate_types::description::Priority;

use super::EntryId;
use super::device::{Handle, Unavailable};
use super::threading::Threading;
use crate::schema::KeptText;
use crate::stream::SectionHeader;

/// The place of an entry in the order of sections: by descending priority, then in the order of registration.
pub(super) type Key = (Reverse<Priority>, u32);

/// The treatment of a missing section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Missing {
    /// The load fails.
    #[default]
    Reject,
    /// The device keeps its state, as in QEMU.
    KeepState,
}

/// The part of a machine that saves and loads a section.
pub(crate) enum SectionHandler<'d, T: Threading> {
    Device(T::Device<'d>),
    Raw(T::Raw<'d>),
    Live(T::Live<'d>),
}

impl<T: Threading> SectionHandler<'_, T> {
    /// Returns the description, if the handler is a described device.
    pub(super) fn description(&mut self) -> Result<Option<&'static Description>, Unavailable> {
        let Self::Device(handle) = self else { return Ok(None) };
        handle.with(|device| device.description()).map(Some)
    }
}

/// A registered section (QEMU's `SaveStateEntry`).
pub(crate) struct Entry<'d, T: Threading> {
    /// The number of registrations before this one.
    pub(crate) number: u32,
    /// The header of the section, ready to be written. A live section's header has the kind of its previous part.
    pub(crate) header: SectionHeader,
    pub(super) alias_id: Option<u32>,
    pub(super) compat: Option<(String, u32)>,
    pub(crate) priority: Priority,
    /// The description, if the section is a described device.
    pub(crate) description: Option<&'static Description>,
    pub(crate) missing: Option<Missing>,
    /// The section's part of the stream's JSON description, kept for the next save and the next registry.
    pub(crate) text: KeptText,
    pub(crate) handler: SectionHandler<'d, T>,
}

impl<T: Threading> Entry<'_, T> {
    pub(crate) fn id(&self) -> EntryId {
        EntryId(self.number)
    }

    /// Returns whether the entry loads sections with this name and instance id (`find_se` in `migration/savevm.c`).
    pub(crate) fn answers_to(&self, name: &str, instance_id: u32) -> bool {
        let alias = self.alias_id == Some(instance_id);
        let own = self.header.name == name && (self.header.instance_id == instance_id || alias);
        own || self.compat.as_ref().is_some_and(|(old, number)| old == name && (*number == instance_id || alias))
    }

    /// Returns whether the entry has an old name.
    pub(crate) fn has_old_name(&self) -> bool {
        self.compat.is_some()
    }

    /// Returns the place of the entry in the order of sections.
    pub(crate) fn key(&self) -> Key {
        (Reverse(self.priority), self.number)
    }

    /// Returns whether the section is sent before the live sections start.
    pub(crate) fn is_early(&self) -> bool {
        self.description.is_some_and(|description| description.early_setup)
    }

    /// Returns the section's title in messages: `"serial" (instance 1)`.
    pub(crate) fn title(&self) -> String {
        format!("\"{}\" (instance {})", self.header.name.escape_debug(), self.header.instance_id)
    }
}

impl<T: Threading> fmt::Debug for Entry<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title())
    }
}
