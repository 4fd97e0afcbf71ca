//! Section headers.

use vmstate_types::error::Location;

use super::tag;

/// What a section is to its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// The first of several sections of a live device, such as RAM.
    Start,
    /// One of those in between. It refers to its start by the section id.
    Part,
    /// The last of them.
    End,
    /// All of a device's state.
    Full,
}

impl SectionKind {
    /// The byte that begins such a section.
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
    pub fn from_tag(tag: u8) -> Option<Self> {
        [Self::Start, Self::Part, Self::End, Self::Full].into_iter().find(|kind| kind.tag() == tag)
    }

    /// Whether the header of such a section has a name, an instance and a version of its own.
    #[must_use]
    pub const fn is_named(self) -> bool {
        matches!(self, Self::Start | Self::Full)
    }

    /// `start`, `part`, `end` or `full`.
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

/// What stands before a section's payload.
///
/// For a part or an end, whose headers on the wire have only the section id, the rest is that of their start.
#[derive(Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SectionHeader {
    /// What the section is to its device.
    pub kind: SectionKind,
    /// The link between start, parts, end and footers of one stream. It means nothing outside of the stream.
    pub section_id: u32,
    /// The device's idstr, such as `0000:00:01.3/piix4_pm`.
    pub name: String,
    /// Which one of several devices of that name.
    pub instance_id: u32,
    /// The version of the device's state.
    pub version: u32,
    /// The offset in the stream of the section's first byte, the tag. 0 for headers that were not read.
    pub offset: u64,
    /// The offset of the first byte of the payload. 0 for headers that were not read.
    pub payload: u64,
}

impl Clone for SectionHeader {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), ..*self }
    }

    /// Becomes a copy, in the memory that the name has.
    fn clone_from(&mut self, other: &Self) {
        let mut name = std::mem::take(&mut self.name);
        name.clone_from(&other.name);
        *self = Self { name, ..*other };
    }
}

impl SectionHeader {
    /// The header of a section with all of a device's state.
    #[must_use]
    pub fn full(section_id: u32, name: impl Into<String>, instance_id: u32, version: u32) -> Self {
        let (kind, name) = (SectionKind::Full, name.into());
        Self { kind, section_id, name, instance_id, version, offset: 0, payload: 0 }
    }

    /// Sets the device, in the memory that the old name has.
    pub(super) fn set_device(&mut self, name: &str, instance_id: u32, version: u32) {
        self.name.clear();
        self.name.push_str(name);
        self.instance_id = instance_id;
        self.version = version;
    }

    /// The same device's section of another kind.
    #[must_use]
    pub fn of_kind(&self, kind: SectionKind) -> Self {
        Self { kind, ..self.clone() }
    }

    /// Where errors in the payload are.
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
