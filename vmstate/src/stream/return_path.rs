//! The return path: messages from the destination to the source.
//!
//! (QEMU: `enum mig_rp_message_type` in `migration/migration.h`; `source_return_path_thread` in `migration/migration.c`
//! reads them, the functions `migrate_send_rp_*` there write them.)

use vmstate_types::error::LoadErrorKind;
use vmstate_types::{LoadError, Reader, Writer};

use super::decode::{Context, Cursor, Decoded, Stop, decode, in_part, part, read};
use super::message::{DataLength, decode_data, decode_reason, known_range, short_reason};
use super::wire_enum::wire_enum;

/// A message from the destination to the source.
///
/// ```
/// use vmstate::Writer;
/// use vmstate::stream::{Decoded, ReturnPathMessage};
///
/// let mut out = Writer::new();
/// ReturnPathMessage::Pong(1).encode(&mut out);
/// ReturnPathMessage::Shut(0).encode(&mut out);
/// assert_eq!(out.pending(), b"\0\x02\0\x04\0\0\0\x01\0\x01\0\x04\0\0\0\0");
///
/// let pong = Decoded::Item(ReturnPathMessage::Pong(1), 8);
/// assert_eq!(ReturnPathMessage::decode(out.pending(), 0)?, pong);
/// let Decoded::Need(more) = ReturnPathMessage::decode(&out.pending()[8..10], 8)? else { panic!("it is incomplete") };
/// assert_eq!(more.get(), 2);
/// # Ok::<(), vmstate::LoadError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReturnPathMessage {
    /// The end of the return path: 0 if the machine was loaded, any other value if not.
    Shut(u32),
    /// The answer to the command PING, with its number.
    Pong(u32),
    /// Requests pages of a RAM block by name. A destination names the block in its first request, and when it changes.
    ReqPagesId {
        /// The RAM block.
        block: String,
        /// The offset of the first byte.
        start: u64,
        /// The number of bytes.
        length: u32,
    },
    /// Requests pages of the same RAM block as the request before.
    ReqPages {
        /// The offset of the first byte.
        start: u64,
        /// The number of bytes.
        length: u32,
    },
    /// The pages of this RAM block that the destination has received. Their [bitmap](super::ReceivedBitmap) follows the
    /// message.
    RecvBitmap(String),
    /// Confirms that an interrupted postcopy continues.
    ResumeAck,
    /// Approves the switchover (QEMU 8.1).
    SwitchoverAck,
    /// The state of a destination that uses this library, too.
    Status {
        /// The state.
        state: DestinationState,
        /// The reason, if the destination has declined.
        reason: String,
    },
}

wire_enum! {
    /// The state of a migration at a destination that uses this library.
    #[derive(Hash)]
    pub enum DestinationState: u8 {
        /// The destination does not know the migration.
        Unknown = 0, "unknown";
        /// The stream is being loaded.
        Loading = 1, "loading";
        /// The machine is loaded, and waits for the right to run.
        Loaded = 2, "loaded";
        /// The destination has the guest.
        Running = 3, "running";
        /// The destination has given up the guest, and never runs it.
        Declined = 4, "declined";
        /// The destination has the guest and all of its memory.
        Complete = 5, "complete";
    }
}

wire_enum! {
    /// The messages: numbers, names and data lengths (`rp_cmd_args` in QEMU's `migration/migration.c`).
    enum MessageKind: u16, DataLength {
        Shut = 1, "SHUT", DataLength::Exactly(&[4]);
        Pong = 2, "PONG", DataLength::Exactly(&[4]);
        ReqPagesId = 3, "REQ_PAGES_ID", DataLength::Any;
        ReqPages = 4, "REQ_PAGES", DataLength::Exactly(&[12]);
        RecvBitmap = 5, "RECV_BITMAP", DataLength::Any;
        ResumeAck = 6, "RESUME_ACK", DataLength::Exactly(&[4]);
        SwitchoverAck = 7, "SWITCHOVER_ACK", DataLength::Exactly(&[0]);
        // An extension of this library, far from the numbers that QEMU assigns in order.
        Status = 0x7601, "STATUS", DataLength::Any;
    }
}

/// The most data that a message has: QEMU's source reads them into a buffer of this size.
const MAX_DATA: u16 = 512;
/// The only value of RESUME_ACK (`MIGRATION_RESUME_ACK_VALUE`).
const RESUME_ACK: u32 = 1;

impl ReturnPathMessage {
    /// Returns the number on the wire.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.kind().number()
    }

    /// Returns QEMU's name, such as `REQ_PAGES`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    fn kind(&self) -> MessageKind {
        match self {
            Self::Shut(_) => MessageKind::Shut,
            Self::Pong(_) => MessageKind::Pong,
            Self::ReqPagesId { .. } => MessageKind::ReqPagesId,
            Self::ReqPages { .. } => MessageKind::ReqPages,
            Self::RecvBitmap(_) => MessageKind::RecvBitmap,
            Self::ResumeAck => MessageKind::ResumeAck,
            Self::SwitchoverAck => MessageKind::SwitchoverAck,
            Self::Status { .. } => MessageKind::Status,
        }
    }

    /// Decodes one message from the bytes that have arrived, the first of which is at `offset` of the return path.
    ///
    /// # Errors
    /// Returns an error if the number is unknown, the length is wrong for the message, or its data are malformed.
    pub fn decode(bytes: &[u8], offset: u64) -> Result<Decoded<Self>, LoadError> {
        decode(bytes, offset, |cursor| Self::parse(cursor).context(in_part(part::RETURN_PATH)))
    }

    /// Reads one message from a blocking reader.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), and if the return path ends or fails within the message.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, LoadError> {
        read(reader, Self::parse).map_err(in_part(part::RETURN_PATH))
    }

    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Stop> {
        let start = cursor.offset();
        let number = cursor.u16()?;
        let length = cursor.u16()?;
        let kind = MessageKind::from_number(number).ok_or_else(|| unknown(number, length).at_offset(start))?;
        check_length(kind, length).map_err(|error| error.at_offset(start + 2))?;
        let offset = cursor.offset();
        let data = cursor.take(usize::from(length)).context(|error| error.in_field(kind.name()))?;
        Ok(decode_data(kind.name(), data, offset, |data| Self::decode_fields(kind, data))?)
    }

    fn decode_fields(kind: MessageKind, data: &mut Reader<'_>) -> Result<Self, LoadError> {
        Ok(match kind {
            MessageKind::Shut => Self::Shut(data.u32()?),
            MessageKind::Pong => Self::Pong(data.u32()?),
            MessageKind::ReqPagesId => {
                let (start, length) = (data.u64()?, data.u32()?);
                Self::ReqPagesId { block: data.counted_str()?, start, length }
            }
            MessageKind::ReqPages => Self::ReqPages { start: data.u64()?, length: data.u32()? },
            MessageKind::RecvBitmap => Self::RecvBitmap(data.counted_str()?),
            MessageKind::ResumeAck => decode_resume_ack(data)?,
            MessageKind::SwitchoverAck => Self::SwitchoverAck,
            MessageKind::Status => decode_status(data)?,
        })
    }

    /// Writes the message. A block's name that is longer than 255 bytes is cut.
    pub fn encode(&self, out: &mut Writer) {
        let mut data = Writer::new();
        self.encode_fields(&mut data);
        out.u16(self.number());
        // At most 12 bytes and a counted string.
        out.u16(u16::try_from(data.offset()).unwrap_or(u16::MAX));
        out.bytes(data.pending());
    }

    fn encode_fields(&self, data: &mut Writer) {
        match self {
            Self::Shut(value) | Self::Pong(value) => data.u32(*value),
            Self::ReqPagesId { block, start, length } => {
                data.u64(*start);
                data.u32(*length);
                data.counted_str(block);
            }
            Self::ReqPages { start, length } => {
                data.u64(*start);
                data.u32(*length);
            }
            Self::RecvBitmap(block) => data.counted_str(block),
            Self::ResumeAck => data.u32(RESUME_ACK),
            Self::SwitchoverAck => {}
            Self::Status { state, reason } => {
                data.u8(state.number());
                data.bytes(short_reason(reason).as_bytes());
            }
        }
    }
}

fn decode_status(data: &mut Reader<'_>) -> Result<ReturnPathMessage, LoadError> {
    let start = data.offset();
    let number = data.u8()?;
    let state = DestinationState::from_number(number);
    let state = state.ok_or_else(|| LoadError::malformed("a state between 0 and 5", number).at_offset(start))?;
    Ok(ReturnPathMessage::Status { state, reason: decode_reason(data)? })
}

fn decode_resume_ack(data: &mut Reader<'_>) -> Result<ReturnPathMessage, LoadError> {
    let start = data.offset();
    match data.u32()? {
        RESUME_ACK => Ok(ReturnPathMessage::ResumeAck),
        other => Err(LoadError::malformed(RESUME_ACK.to_string(), other)
            .at_offset(start)
            .with_qemu_message(format!("illegal resume_ack value {other}"))),
    }
}

fn unknown(number: u16, length: u16) -> LoadError {
    LoadError::new(
        LoadErrorKind::Unsupported,
        known_range("a message", MessageKind::NUMBERS),
        format!("{number:#x}, length {length}"),
    )
    .with_qemu_message(format!("Received invalid message 0x{number:04x} length 0x{length:04x}"))
}

fn check_length(kind: MessageKind, found: u16) -> Result<(), LoadError> {
    let (name, length) = (kind.name(), kind.data_length());
    if found > MAX_DATA {
        return Err(LoadError::malformed(format!("at most {MAX_DATA} bytes of data for `{name}`"), found));
    }
    length.check(name, found).map_err(|error| {
        // Without a space, as QEMU has it.
        error.with_qemu_message(format!(
            "Received '{name}' message (0x{:04x}) withincorrect length {found} expecting {}",
            kind.number(),
            length.smallest()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_at_most_512_bytes_of_data() {
        check_length(MessageKind::RecvBitmap, 512).unwrap();
        let error = check_length(MessageKind::RecvBitmap, 513).unwrap_err();
        assert_eq!((error.expected(), error.found()), ("at most 512 bytes of data for `RECV_BITMAP`", "513"));
    }
}
