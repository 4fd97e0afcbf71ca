//! Commands from the source to the destination, between sections.
//!
//! (QEMU: `enum qemu_vm_cmd` and `loadvm_process_command` in `migration/savevm.c`.)

use std::fmt;

use vmstate_types::error::LoadErrorKind;
use vmstate_types::{LoadError, Reader, SaveError, Writer};

use super::decode::unsupported_version;
use super::decode::{Context, Cursor, Stop};
use super::message::{DataLength, decode_data, decode_reason, known_range, short_reason};
use super::wire_enum::wire_enum;

/// A command of the source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Command {
    /// Asks the destination to open the return path.
    OpenReturnPath,
    /// Asks the destination for a [`Pong`](super::ReturnPathMessage::Pong) with the same number.
    Ping(u32),
    /// Announces that postcopy may follow. `None` if the source has no RAM to migrate by postcopy.
    PostcopyAdvise(Option<PostcopyAdvice>),
    /// Asks the destination to prepare for requesting pages.
    PostcopyListen,
    /// Starts the guest at the destination.
    PostcopyRun,
    /// Discards pages that were sent and have changed since.
    RamDiscard {
        /// The RAM block.
        block: String,
        /// The ranges to discard.
        ranges: Vec<DiscardRange>,
    },
    /// Announces a package: a stream without a header, of known length. Its items follow.
    Packaged {
        /// The length of the package in bytes.
        length: u32,
    },
    /// Enables COLO, which keeps a second machine in lockstep.
    EnableColo,
    /// Continues an interrupted postcopy.
    PostcopyResume,
    /// Asks the destination which pages of this RAM block it has received.
    RecvBitmap(String),
    /// Announces that the source has stopped and the rest follows (QEMU 10.0).
    SwitchoverStart,
    /// Identifies the migration to a destination that uses this library, too.
    Session(u64),
    /// Gives a destination that uses this library the right to run the guest.
    Run,
    /// Takes the right to run the guest back, with the reason.
    Revoke(String),
}

/// The page sizes of a source that may switch to postcopy, which the destination's must equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PostcopyAdvice {
    /// The bitwise OR of the host page sizes of all RAM blocks (`ram_pagesize_summary` in QEMU's `migration/ram.c`).
    pub page_size_summary: u64,
    /// The target page size.
    pub target_page_size: u64,
}

impl PostcopyAdvice {
    /// Creates the advice.
    #[must_use]
    pub fn new(page_size_summary: u64, target_page_size: u64) -> Self {
        Self { page_size_summary, target_page_size }
    }
}

/// A range of bytes of a RAM block that the destination must discard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct DiscardRange {
    /// The offset of the first byte in the block.
    pub start: u64,
    /// The number of bytes.
    pub length: u64,
}

impl DiscardRange {
    /// Creates a range of `length` bytes at `start`.
    #[must_use]
    pub fn new(start: u64, length: u64) -> Self {
        Self { start, length }
    }
}

wire_enum! {
    /// The commands: numbers, names and data lengths (`enum qemu_vm_cmd` and `mig_cmd_args` in QEMU's
    /// `migration/savevm.c`).
    enum CommandKind: u16, DataLength {
        OpenReturnPath = 1, "OPEN_RETURN_PATH", DataLength::Exactly(&[0]);
        Ping = 2, "PING", DataLength::Exactly(&[4]);
        PostcopyAdvise = 3, "POSTCOPY_ADVISE", DataLength::Exactly(&[0, 16]);
        PostcopyListen = 4, "POSTCOPY_LISTEN", DataLength::Exactly(&[0]);
        PostcopyRun = 5, "POSTCOPY_RUN", DataLength::Exactly(&[0]);
        RamDiscard = 6, "POSTCOPY_RAM_DISCARD", DataLength::Any;
        Packaged = 7, "PACKAGED", DataLength::Exactly(&[4]);
        EnableColo = 8, "ENABLE_COLO", DataLength::Exactly(&[0]);
        PostcopyResume = 9, "POSTCOPY_RESUME", DataLength::Exactly(&[0]);
        RecvBitmap = 10, "RECV_BITMAP", DataLength::Any;
        SwitchoverStart = 11, "SWITCHOVER_START", DataLength::Exactly(&[0]);
        // Extensions of this library, far from the numbers that QEMU assigns in order.
        Session = 0x7601, "SESSION", DataLength::Exactly(&[8]);
        Run = 0x7602, "RUN", DataLength::Exactly(&[0]);
        Revoke = 0x7603, "REVOKE", DataLength::Any;
    }
}

/// The only version of a discard's data.
const DISCARD_VERSION: u8 = 0;

/// The error for a command whose data do not fit its 16-bit length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandTooLong {
    name: &'static str,
    length: u64,
}

impl fmt::Display for CommandTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, length } = self;
        write!(f, "expected at most {} bytes of data for `{name}`, found {length}; split the command", u16::MAX)
    }
}

impl std::error::Error for CommandTooLong {}

impl From<CommandTooLong> for SaveError {
    fn from(error: CommandTooLong) -> Self {
        Self::misuse(error)
    }
}

impl Command {
    /// Returns the number on the wire.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.kind().number()
    }

    /// Returns QEMU's name, such as `POSTCOPY_ADVISE`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    fn kind(&self) -> CommandKind {
        match self {
            Self::OpenReturnPath => CommandKind::OpenReturnPath,
            Self::Ping(_) => CommandKind::Ping,
            Self::PostcopyAdvise(_) => CommandKind::PostcopyAdvise,
            Self::PostcopyListen => CommandKind::PostcopyListen,
            Self::PostcopyRun => CommandKind::PostcopyRun,
            Self::RamDiscard { .. } => CommandKind::RamDiscard,
            Self::Packaged { .. } => CommandKind::Packaged,
            Self::EnableColo => CommandKind::EnableColo,
            Self::PostcopyResume => CommandKind::PostcopyResume,
            Self::RecvBitmap(_) => CommandKind::RecvBitmap,
            Self::SwitchoverStart => CommandKind::SwitchoverStart,
            Self::Session(_) => CommandKind::Session,
            Self::Run => CommandKind::Run,
            Self::Revoke(_) => CommandKind::Revoke,
        }
    }

    /// Parses a command after its tag.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Stop> {
        let start = cursor.offset();
        let number = cursor.u16()?;
        let length = cursor.u16()?;
        let kind = CommandKind::from_number(number).ok_or_else(|| unknown(number, length).at_offset(start))?;
        check_length(kind, length).map_err(|error| error.at_offset(start + 2))?;
        let offset = cursor.offset();
        let data = cursor.take(usize::from(length)).context(|error| error.in_field(kind.name()))?;
        Ok(decode_data(kind.name(), data, offset, |data| Self::decode_fields(kind, data))?)
    }

    fn decode_fields(kind: CommandKind, data: &mut Reader<'_>) -> Result<Self, LoadError> {
        Ok(match kind {
            CommandKind::OpenReturnPath => Self::OpenReturnPath,
            CommandKind::Ping => Self::Ping(data.u32()?),
            CommandKind::PostcopyAdvise => Self::PostcopyAdvise(decode_advice(data)?),
            CommandKind::PostcopyListen => Self::PostcopyListen,
            CommandKind::PostcopyRun => Self::PostcopyRun,
            CommandKind::RamDiscard => Self::decode_discard(data)?,
            CommandKind::Packaged => Self::Packaged { length: data.u32()? },
            CommandKind::EnableColo => Self::EnableColo,
            CommandKind::PostcopyResume => Self::PostcopyResume,
            CommandKind::RecvBitmap => Self::RecvBitmap(data.counted_str()?),
            CommandKind::SwitchoverStart => Self::SwitchoverStart,
            CommandKind::Session => Self::Session(data.u64()?),
            CommandKind::Run => Self::Run,
            CommandKind::Revoke => Self::Revoke(decode_reason(data)?),
        })
    }

    fn decode_discard(data: &mut Reader<'_>) -> Result<Self, LoadError> {
        let (start, version) = (data.offset(), data.u8()?);
        if version != DISCARD_VERSION {
            return Err(unsupported_version(DISCARD_VERSION.into(), version.into()).at_offset(start));
        }
        let block = data.counted_str()?;
        let (start, terminator) = (data.offset(), data.u8()?);
        if terminator != 0 {
            return Err(LoadError::malformed("a zero after the name", format!("{terminator:#04x}")).at_offset(start));
        }
        let mut ranges = Vec::new();
        while !data.at_end()? {
            ranges.push(DiscardRange::new(data.u64()?, data.u64()?));
        }
        Ok(Self::RamDiscard { block, ranges })
    }

    /// Encodes the data, and returns them with their length.
    ///
    /// # Errors
    /// Returns an error if the data are longer than 65,535 bytes, as in a discard of more than 4,095 ranges.
    pub(super) fn data(&self) -> Result<(Writer, u16), CommandTooLong> {
        let mut data = Writer::new();
        self.encode(&mut data);
        match u16::try_from(data.offset()) {
            Ok(length) => Ok((data, length)),
            Err(_) => Err(CommandTooLong { name: self.name(), length: data.offset() }),
        }
    }

    fn encode(&self, data: &mut Writer) {
        match self {
            Self::Ping(value) => data.u32(*value),
            Self::PostcopyAdvise(Some(advise)) => {
                data.u64(advise.page_size_summary);
                data.u64(advise.target_page_size);
            }
            Self::RamDiscard { block, ranges } => {
                data.u8(DISCARD_VERSION);
                data.counted_str(block);
                data.u8(0);
                for range in ranges {
                    data.u64(range.start);
                    data.u64(range.length);
                }
            }
            Self::Packaged { length } => data.u32(*length),
            Self::RecvBitmap(block) => data.counted_str(block),
            Self::Session(session) => data.u64(*session),
            Self::Revoke(reason) => data.bytes(short_reason(reason).as_bytes()),
            Self::OpenReturnPath
            | Self::PostcopyAdvise(None)
            | Self::PostcopyListen
            | Self::PostcopyRun
            | Self::EnableColo
            | Self::PostcopyResume
            | Self::SwitchoverStart
            | Self::Run => {}
        }
    }
}

/// Decodes the page sizes, which QEMU sends unless postcopy is used for block dirty bitmaps alone.
fn decode_advice(data: &mut Reader<'_>) -> Result<Option<PostcopyAdvice>, LoadError> {
    if data.at_end()? {
        return Ok(None);
    }
    Ok(Some(PostcopyAdvice::new(data.u64()?, data.u64()?)))
}

/// Returns the error for a command that QEMU 10.0 does not know either.
fn unknown(number: u16, length: u16) -> LoadError {
    let expected = known_range("a command", CommandKind::NUMBERS);
    LoadError::new(LoadErrorKind::Unsupported, expected, format!("{number:#x}, length {length}"))
        .with_qemu_message(format!("MIG_CMD 0x{number:x} unknown (len 0x{length:x})"))
}

fn check_length(kind: CommandKind, found: u16) -> Result<(), LoadError> {
    let (name, length) = (kind.name(), kind.data_length());
    length.check(name, found).map_err(|error| {
        let expected = length.smallest();
        error.with_qemu_message(format!("{name} received with bad length - expecting {expected}, got {found}"))
    })
}
