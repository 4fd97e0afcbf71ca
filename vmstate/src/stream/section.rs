//! Section headers.

use vmstate_types::error::Location;

use super::tag;

/// The role of a section: all of a device's state, or a part of a live section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// The first of several sections of a live device, such as RAM.
    Start,
    /// A section between the start and the end. It refers to its start by the section id.
    Part,
    /// The last section of a live device.
    End,
    /// All of a device's state.
    Full,
}

impl SectionKind {
    /// Returns the tag that begins such a section (`QEMU_VM_SECTION_*` in QEMU's `migration/savevm.h`).
    #[must_use]
    pub const fn tag(self) -> u8 {
        match self {
            Self::Start => tag::SECTION_START,
            Self::Part => tag::SECTION_PART,
            Self::End => tag::SECTION_END,
            Self::Full => tag::SECTION_FULL,
        }
    }

    /// Returns the kind of section that begins with `tag`.
    #[must_use]
    pub const fn from_tag(tag: u8) -> Option<Self> {
        match tag {
            tag::SECTION_START => Some(Self::Start),
            tag::SECTION_PART => Some(Self::Part),
            tag::SECTION_END => Some(Self::End),
            tag::SECTION_FULL => Some(Self::Full),
            _ => None,
        }
    }

    /// Returns whether the header of such a section contains a name, an instance id and a version.
    #[must_use]
    pub const fn is_named(self) -> bool {
        matches!(self, Self::Start | Self::Full)
    }

    /// Returns `start`, `part`, `end` or `full`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Part => "part",
            Self::End => "end",
            Self::Full => "full",
        }
    }
}

impl std::fmt::Display for SectionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The header of a section.
///
/// On the wire, the header of a part or an end contains only the section id; the start provides the other values.
#[derive(Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SectionHeader {
    /// The role of the section.
    pub kind: SectionKind,
    /// The id that links start, parts, end and footers. It has no meaning outside of the stream.
    pub section_id: u32,
    /// The device's idstr, such as `0000:00:01.3/piix4_pm`.
    pub name: String,
    /// The instance id, which tells several devices of the same name apart.
    pub instance_id: u32,
    /// The version of the device's state.
    pub version: u32,
    /// The stream offset of the section's tag, or 0 in a header that was not read from a stream.
    pub offset: u64,
    /// The stream offset of the payload, or 0 in a header that was not read from a stream.
    pub payload: u64,
}

impl Clone for SectionHeader {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), ..*self }
    }

    /// Copies `other` and reuses the memory of the name.
    fn clone_from(&mut self, other: &Self) {
        let mut name = std::mem::take(&mut self.name);
        name.clone_from(&other.name);
        *self = Self { name, ..*other };
    }
}

impl SectionHeader {
    /// Creates the header of a section with all of a device's state.
    #[must_use]
    pub fn full(section_id: u32, name: impl Into<String>, instance_id: u32, version: u32) -> Self {
        let (kind, name) = (SectionKind::Full, name.into());
        Self { kind, section_id, name, instance_id, version, offset: 0, payload: 0 }
    }

    /// Sets the device and reuses the memory of the name.
    pub(super) fn set_device(&mut self, name: &str, instance_id: u32, version: u32) {
        self.name.clear();
        self.name.push_str(name);
        self.instance_id = instance_id;
        self.version = version;
    }

    /// Returns the header of another section of the same device.
    #[must_use]
    pub fn of_kind(&self, kind: SectionKind) -> Self {
        Self { kind, ..self.clone() }
    }

    /// Returns the location of errors in the payload.
    #[must_use]
    pub fn place(&self) -> Location {
        Location::Section {
            name: self.name.clone(),
            instance_id: self.instance_id,
            section_id: self.section_id,
            version: self.version,
            start: self.payload,
        }
    }
}
