//! Categories of errors, for programs that react to them.

use core::fmt;

/// The category of a [`LoadError`](super::LoadError).
///
/// ```
/// use vmstate_types::error::LoadErrorKind;
/// use vmstate_types::{LoadError, Reader};
///
/// fn next_step(error: &LoadError) -> &'static str {
///     match error.kind() {
///         LoadErrorKind::Truncated | LoadErrorKind::Io => "reconnect and migrate again",
///         LoadErrorKind::UnsupportedVersion { .. } => "upgrade the destination",
///         LoadErrorKind::UnknownSection | LoadErrorKind::MissingSection => "compare the devices of both machines",
///         _ => "report the error to the source",
///     }
/// }
///
/// let error = Reader::from_slice(&[0x51, 0x45]).u32().unwrap_err();
/// assert_eq!(next_step(&error), "reconnect and migrate again");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// The stream ends before the item does; more bytes might complete it.
    Truncated,
    /// The bytes violate the format: the stream is corrupt, forged, or not a migration stream.
    Malformed,
    /// A section appears more than once.
    DuplicateSection,
    /// No device is registered for a section.
    UnknownSection,
    /// A registered device has no section in the stream.
    MissingSection,
    /// A subsection is not known to its device, or a required one is missing.
    Subsection,
    /// The version of the stream, a section or a struct is outside the supported range.
    UnsupportedVersion {
        /// The version in the stream.
        found: u32,
        /// The oldest supported version.
        oldest: u32,
        /// The newest supported version.
        newest: u32,
    },
    /// The stream was saved by another machine type, with another page size, or by a machine with another UUID.
    MachineMismatch,
    /// The migration capabilities of source and destination differ.
    Capability,
    /// The stream uses a feature that is not implemented, such as compressed pages or a command.
    Unsupported,
    /// A value, a layout or a size differs between source and destination.
    Incompatible,
    /// A hook or a custom info rejected the state.
    Rejected,
    /// The source of the bytes failed; the cause is the error's [`source`](core::error::Error::source).
    Io,
    /// The caller used the API in an invalid way.
    Misuse,
}

impl LoadErrorKind {
    /// Returns the party that has to change something.
    #[must_use]
    pub fn blame(self) -> Blame {
        match self {
            Self::Truncated | Self::Malformed | Self::DuplicateSection => Blame::Bytes,
            Self::UnknownSection
            | Self::MissingSection
            | Self::Subsection
            | Self::UnsupportedVersion { .. }
            | Self::MachineMismatch
            | Self::Capability
            | Self::Unsupported
            | Self::Incompatible => Blame::Peer,
            Self::Rejected => Blame::Device,
            Self::Io => Blame::Transport,
            Self::Misuse => Blame::Usage,
        }
    }
}

/// The category of a [`SaveError`](super::SaveError).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SaveErrorKind {
    /// A hook, a custom info or a `must_exist` condition rejected the state.
    Rejected,
    /// A value or a count does not fit its wire format.
    OutOfRange,
    /// A device is not migratable, or a blocker is registered (QEMU's `migrate_add_blocker`).
    Blocked,
    /// A section cannot be saved at the requested version.
    UnsupportedVersion {
        /// The requested version.
        requested: u32,
        /// The oldest version that can be saved.
        oldest: u32,
        /// The newest version that can be saved.
        newest: u32,
    },
    /// The destination of the bytes failed; the cause is the error's [`source`](core::error::Error::source).
    Io,
    /// The caller used the API in an invalid way.
    Misuse,
}

impl SaveErrorKind {
    /// Returns the party that has to change something.
    #[must_use]
    pub fn blame(self) -> Blame {
        match self {
            Self::Rejected | Self::OutOfRange | Self::Blocked => Blame::Device,
            Self::Io => Blame::Transport,
            Self::UnsupportedVersion { .. } | Self::Misuse => Blame::Usage,
        }
    }
}

/// The party that has to change something before a load or a save can succeed.
///
/// It follows from the kind of the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// The stream: its bytes violate the format or end too early.
    Bytes,
    /// The source machine: its stream is valid, but the destination differs in version, devices or configuration.
    Peer,
    /// The device: its hook or custom info rejected the state.
    Device,
    /// The file or socket that the bytes are read from or written to.
    Transport,
    /// The caller: it used the API in an invalid way.
    Usage,
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "the stream",
            Self::Peer => "the source machine",
            Self::Device => "the device",
            Self::Transport => "the transport",
            Self::Usage => "the caller",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LoadError, SaveError};

    #[test]
    fn blame_follows_from_kind() {
        let version = LoadErrorKind::UnsupportedVersion { found: 3, oldest: 1, newest: 2 };
        for (error, kind, blame) in [
            (LoadError::truncated(0, 2, 1), LoadErrorKind::Truncated, Blame::Bytes),
            (LoadError::malformed("", ""), LoadErrorKind::Malformed, Blame::Bytes),
            (LoadError::new(version, "", ""), version, Blame::Peer),
            (LoadError::incompatible("", ""), LoadErrorKind::Incompatible, Blame::Peer),
            (LoadError::rejected("", ""), LoadErrorKind::Rejected, Blame::Device),
            (LoadError::io("reset"), LoadErrorKind::Io, Blame::Transport),
            (LoadError::misuse("", ""), LoadErrorKind::Misuse, Blame::Usage),
        ] {
            assert_eq!((error.kind(), error.blame()), (kind, blame));
        }
        for (error, kind, blame) in [
            (SaveError::rejected(""), SaveErrorKind::Rejected, Blame::Device),
            (SaveError::out_of_range(""), SaveErrorKind::OutOfRange, Blame::Device),
            (SaveError::io("reset"), SaveErrorKind::Io, Blame::Transport),
            (SaveError::misuse(""), SaveErrorKind::Misuse, Blame::Usage),
        ] {
            assert_eq!((error.kind(), error.blame()), (kind, blame));
        }
    }
}
