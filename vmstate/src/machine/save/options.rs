//! Options of a save.

use std::collections::BTreeMap;

use crate::schema::Release;
use crate::stream::{Command, HIGH_SECTION_IDS, SectionHeader};

/// Options of a save.
///
/// ```
/// use vmstate::machine::SaveOptions;
/// use vmstate::schema::Release;
///
/// // For a peer with an older release of the board, whose serial port has version 2.
/// let options = SaveOptions::new().description(Some(Release::Qemu7_2)).version("serial", 2);
/// # drop(options);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveOptions {
    pub(super) footers: bool,
    pub(super) configuration: bool,
    pub(super) description: Option<Release>,
    pub(super) device_state_only: bool,
    pub(super) header: bool,
    pub(super) commands: Vec<Command>,
    /// The number that is added to the ids of sections.
    pub(super) first_section_id: u32,
    versions: BTreeMap<String, u32>,
}

impl Default for SaveOptions {
    fn default() -> Self {
        Self {
            footers: true,
            configuration: true,
            description: Some(Release::default()),
            device_state_only: false,
            header: true,
            commands: Vec::new(),
            first_section_id: 0,
            versions: BTreeMap::new(),
        }
    }
}

impl SaveOptions {
    /// The defaults of a current QEMU: footers, configuration and description.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Omits the footers after the sections, as machine types of QEMU before 2.4 do.
    #[must_use]
    pub fn without_footers(mut self) -> Self {
        self.footers = false;
        self
    }

    /// Omits the configuration, as machine types of QEMU before 2.4 do.
    #[must_use]
    pub fn without_configuration(mut self) -> Self {
        self.configuration = false;
        self
    }

    /// Sets the release whose form the JSON description has, or omits the description, which makes the save faster.
    #[must_use]
    pub fn description(mut self, description: Option<Release>) -> Self {
        self.description = description;
        self
    }

    /// Saves only the devices: no live sections, no configuration, no description. QEMU writes this format for Xen
    /// (`xen-save-devices-state`).
    #[must_use]
    pub fn device_state_only(mut self) -> Self {
        self.device_state_only = true;
        self
    }

    /// Begins with the first section: the caller has written the header, the configuration and the commands.
    #[must_use]
    pub fn without_header(mut self) -> Self {
        self.header = false;
        self
    }

    /// Numbers the sections from 2^30 on, which QEMU never reaches.
    ///
    /// A QEMU that loads several streams, as `loadvm` does, remembers the ids of the previous one and takes a part of a live
    /// section for the device that had its id there (`load_section_id` in `migration/savevm.c`). Streams of QEMU have the
    /// same numbers each time. Saves of [snapshots](crate::guide::snapshots) set this.
    #[must_use]
    pub fn high_section_ids(mut self) -> Self {
        self.first_section_id = HIGH_SECTION_IDS;
        self
    }

    /// Returns the id that a section has in the stream.
    #[inline]
    pub(super) fn section_id(&self, id: u32) -> u32 {
        id.wrapping_add(self.first_section_id)
    }

    /// Sends commands between the configuration and the first section, such as
    /// [`OpenReturnPath`](Command::OpenReturnPath).
    #[must_use]
    pub fn commands(mut self, commands: impl IntoIterator<Item = Command>) -> Self {
        self.commands.extend(commands);
        self
    }

    /// Saves all devices that are registered as `name` at `version`, for an older peer.
    #[must_use]
    pub fn version(mut self, name: impl Into<String>, version: u32) -> Self {
        self.versions.insert(name.into(), version);
        self
    }

    /// Saves devices at several older versions, such as the versions in the
    /// [description](crate::schema::vmdesc) of a stream of the older machine.
    #[must_use]
    pub fn versions(mut self, versions: impl IntoIterator<Item = (impl Into<String>, u32)>) -> Self {
        self.versions.extend(versions.into_iter().map(|(name, version)| (name.into(), version)));
        self
    }

    /// Returns the version at which a section is saved.
    #[inline]
    pub(super) fn version_of(&self, header: &SectionHeader) -> u32 {
        self.versions.get(&header.name).copied().unwrap_or(header.version)
    }

    /// Returns whether any section is saved at an older version.
    pub(super) fn has_versions(&self) -> bool {
        !self.versions.is_empty()
    }
}
