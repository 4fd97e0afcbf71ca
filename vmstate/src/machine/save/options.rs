//! What a save does that is not the default.

use std::collections::BTreeMap;

use super::super::progress::{Progress, Report};
use crate::schema::Release;
use crate::stream::SectionHeader;

/// What a save does that is not the default.
///
/// ```
/// use vmstate::machine::SaveOptions;
/// use vmstate::schema::Release;
///
/// // For a peer with an older release of the board, whose serial port has version 2.
/// let options = SaveOptions::new().description(Some(Release::Qemu7_2)).version("serial", 2);
/// # drop(options);
/// ```
#[derive(Debug)]
pub struct SaveOptions<'o> {
    pub(super) footers: bool,
    pub(super) configuration: bool,
    pub(super) description: Option<Release>,
    pub(super) device_state_only: bool,
    pub(super) versions: BTreeMap<String, u32>,
    pub(super) progress: Report<'o>,
}

impl Default for SaveOptions<'_> {
    fn default() -> Self {
        Self {
            footers: true,
            configuration: true,
            description: Some(Release::default()),
            device_state_only: false,
            versions: BTreeMap::new(),
            progress: Report::default(),
        }
    }
}

impl<'o> SaveOptions<'o> {
    /// What a new QEMU does: footers, configuration, and a description.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With or without footers after the sections. Machine types of QEMU before 2.4 have none.
    #[must_use]
    pub fn footers(mut self, footers: bool) -> Self {
        self.footers = footers;
        self
    }

    /// With or without the configuration. Machine types of QEMU before 2.4 have none.
    #[must_use]
    pub fn configuration(mut self, configuration: bool) -> Self {
        self.configuration = configuration;
        self
    }

    /// With the JSON description in the form of this release, or without one: then nothing is spent on it.
    #[must_use]
    pub fn description(mut self, description: Option<Release>) -> Self {
        self.description = description;
        self
    }

    /// Nothing but the devices: no live sections, no configuration, no description. This is what QEMU writes for Xen
    /// (`xen-save-devices-state`).
    #[must_use]
    pub fn device_state_only(mut self) -> Self {
        self.device_state_only = true;
        self
    }

    /// Saves all devices that are registered under `name` as they were at `version`, for a peer that is older.
    #[must_use]
    pub fn version(mut self, name: impl Into<String>, version: u32) -> Self {
        self.versions.insert(name.into(), version);
        self
    }

    /// Saves the whole machine as an older one: the devices of these names at these versions, such as those that a
    /// stream of the older machine [says](crate::schema::vmdesc) its devices have.
    #[must_use]
    pub fn versions(mut self, versions: impl IntoIterator<Item = (impl Into<String>, u32)>) -> Self {
        self.versions.extend(versions.into_iter().map(|(name, version)| (name.into(), version)));
        self
    }

    /// Tells `report` how far the save is, after each section.
    #[must_use]
    pub fn progress(mut self, report: impl FnMut(&Progress<'_>) + 'o) -> Self {
        self.progress = Report::new(report);
        self
    }

    pub(super) fn version_of(&self, header: &SectionHeader) -> u32 {
        self.versions.get(&header.name).copied().unwrap_or(header.version)
    }
}
