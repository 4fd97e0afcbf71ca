//! Commands: what the source tells the destination between sections.
//!
//! (QEMU: `enum qemu_vm_cmd` and `loadvm_process_command` in `migration/savevm.c`.)

use vmstate_types::{LoadError, Reader, SaveError, Writer};

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Command {
    /// The destination shall open a way back to the source.
    OpenReturnPath,
    /// The destination shall answer with the same number.
    Ping(u32),
    /// Postcopy may follow. Old sources, and those without RAM to copy, say nothing about their pages.
    PostcopyAdvise(Option<PostcopyAdvice>),
    /// The destination shall get ready to ask for pages.
    PostcopyListen,
    /// The destination shall run.
    PostcopyRun,
    /// Pages that have been sent are stale.
    RamDiscard {
        /// The RAM block.
        block: String,
        /// What to discard.
        ranges: Vec<DiscardRange>,
    },
    /// So many bytes of a stream without a header follow: its items come next.
    Packaged {
        /// Their number.
        length: u32,
    },
    /// The machine shall be kept in step (COLO).
    EnableColo,
    /// An interrupted postcopy goes on.
    PostcopyResume,
    /// The destination shall say which pages of a RAM block it has.
    RecvBitmap(String),
    /// The source is about to stop (QEMU 10.0).
    SwitchoverStart,
}

/// What a source that may switch to postcopy says of its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PostcopyAdvice {
    /// All the host's page sizes, or'ed.
    pub page_size_summary: u64,
    /// The target's page size.
    pub target_page_size: u64,
}

/// A range of bytes of a RAM block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DiscardRange {
    /// The first byte.
    pub start: u64,
    /// How many.
    pub length: u64,
}

/// How many bytes of data a command has.
#[derive(Clone, Copy)]
enum Length {
    Exactly(&'static [u16]),
    Any,
}

/// All commands: number, name, length of the data.
const COMMANDS: [(u16, &str, Length); 11] = [
    (1, "OPEN_RETURN_PATH", Length::Exactly(&[0])),
    (2, "PING", Length::Exactly(&[4])),
    (3, "POSTCOPY_ADVISE", Length::Exactly(&[0, 16])),
    (4, "POSTCOPY_LISTEN", Length::Exactly(&[0])),
    (5, "POSTCOPY_RUN", Length::Exactly(&[0])),
    (6, "POSTCOPY_RAM_DISCARD", Length::Any),
    (7, "PACKAGED", Length::Exactly(&[4])),
    (8, "ENABLE_COLO", Length::Exactly(&[0])),
    (9, "POSTCOPY_RESUME", Length::Exactly(&[0])),
    (10, "RECV_BITMAP", Length::Any),
    (11, "SWITCHOVER_START", Length::Exactly(&[0])),
];

/// The only version of a discard's data.
const DISCARD_VERSION: u8 = 0;

impl Command {
    /// The number on the wire.
    #[must_use]
    pub fn number(&self) -> u16 {
        match self {
            Self::OpenReturnPath => 1,
            Self::Ping(_) => 2,
            Self::PostcopyAdvise(_) => 3,
            Self::PostcopyListen => 4,
            Self::PostcopyRun => 5,
            Self::RamDiscard { .. } => 6,
            Self::Packaged { .. } => 7,
            Self::EnableColo => 8,
            Self::PostcopyResume => 9,
            Self::RecvBitmap(_) => 10,
            Self::SwitchoverStart => 11,
        }
    }

    /// QEMU's name, such as `POSTCOPY_ADVISE`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        COMMANDS.iter().find(|(number, ..)| *number == self.number()).map_or("", |(_, name, _)| name)
    }

    /// Reads a command after its tag.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, LoadError> {
        let start = reader.offset();
        let number = reader.u16()?;
        let length = reader.u16()?;
        let Some((_, name, expected)) = COMMANDS.iter().find(|(known, ..)| *known == number) else {
            return Err(LoadError::incompatible("a command between 1 and 11", format!("{number:#x}, length {length}"))
                .at_offset(start)
                .with_qemu_message(format!("MIG_CMD 0x{number:x} unknown (len 0x{length:x})")));
        };
        if let Length::Exactly(lengths) = expected {
            check_length(name, lengths, length).map_err(|error| error.at_offset(start + 2))?;
        }
        let offset = reader.offset();
        let data = reader.take(usize::from(length)).map_err(|error| error.in_field(*name))?;
        let mut data = Reader::from_slice_at(data, offset);
        let command = Self::decode(number, &mut data).map_err(|error| too_short(error, length).in_field(*name))?;
        match data.at_end()? {
            true => Ok(command),
            false => Err(LoadError::malformed("the end of the command", "more data")
                .at_offset(data.offset())
                .in_field(*name)),
        }
    }

    fn decode(number: u16, data: &mut Reader<'_>) -> Result<Self, LoadError> {
        Ok(match number {
            1 => Self::OpenReturnPath,
            2 => Self::Ping(data.u32()?),
            3 if data.at_end()? => Self::PostcopyAdvise(None),
            3 => Self::PostcopyAdvise(Some(PostcopyAdvice {
                page_size_summary: data.u64()?,
                target_page_size: data.u64()?,
            })),
            4 => Self::PostcopyListen,
            5 => Self::PostcopyRun,
            6 => Self::decode_discard(data)?,
            7 => Self::Packaged { length: data.u32()? },
            8 => Self::EnableColo,
            9 => Self::PostcopyResume,
            10 => Self::RecvBitmap(data.counted_str()?),
            _ => Self::SwitchoverStart,
        })
    }

    fn decode_discard(data: &mut Reader<'_>) -> Result<Self, LoadError> {
        let (start, version) = (data.offset(), data.u8()?);
        if version != DISCARD_VERSION {
            return Err(LoadError::incompatible(format!("version {DISCARD_VERSION}"), format!("version {version}"))
                .at_offset(start));
        }
        let block = data.counted_str()?;
        let (start, terminator) = (data.offset(), data.u8()?);
        if terminator != 0 {
            return Err(LoadError::malformed("a zero after the name", format!("{terminator:#04x}")).at_offset(start));
        }
        let mut ranges = Vec::new();
        while !data.at_end()? {
            ranges.push(DiscardRange { start: data.u64()?, length: data.u64()? });
        }
        Ok(Self::RamDiscard { block, ranges })
    }

    /// The command's data.
    ///
    /// # Errors
    /// When there is more of it than its 16-bit length can say: a discard of more than some 4,000 ranges.
    pub(super) fn data(&self) -> Result<Writer, SaveError> {
        let mut data = Writer::new();
        self.encode(&mut data);
        match u16::try_from(data.offset()) {
            Ok(_) => Ok(data),
            Err(_) => Err(SaveError::misuse(format!(
                "a command has at most {} bytes of data and this one {}: split it",
                u16::MAX,
                data.offset()
            ))
            .in_field(self.name())),
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
            Self::OpenReturnPath
            | Self::PostcopyAdvise(None)
            | Self::PostcopyListen
            | Self::PostcopyRun
            | Self::EnableColo
            | Self::PostcopyResume
            | Self::SwitchoverStart => {}
        }
    }
}

/// What ends is not the stream but the data of the command, whose length does not fit what is in it.
fn too_short(error: LoadError, length: u16) -> LoadError {
    match (error.is_truncated(), error.offset()) {
        (true, Some(offset)) => {
            let expected = format!("{} more of the command's data", error.expected());
            LoadError::malformed(expected, format!("the end of its {length} bytes")).at_offset(offset)
        }
        _ => error,
    }
}

fn check_length(name: &str, expected: &[u16], found: u16) -> Result<(), LoadError> {
    if expected.contains(&found) {
        return Ok(());
    }
    let lengths: Vec<_> = expected.iter().map(ToString::to_string).collect();
    Err(LoadError::malformed(format!("{} bytes of data for `{name}`", lengths.join(" or ")), found)
        .with_qemu_message(format!("{name} received with bad length - expecting {}, got {found}", lengths[0])))
}
