//! The destination's direction of the main connection.

use vmstate_types::LoadError;

use super::pending::Pending;
use crate::stream::{Decoded, ReturnPathMessage};

/// The highest number of COLO's messages (`COLOMessage` in QEMU's `qapi/migration.json`).
const LAST_COLO_MESSAGE: u32 = 6;

/// A message of the destination.
#[derive(Debug)]
pub(super) enum Answer {
    Message(ReturnPathMessage),
    /// A message of COLO, by its number.
    Colo(u32),
}

/// The decoder of the return path.
#[derive(Debug, Default)]
pub(super) struct Backward {
    input: Pending,
    /// Set before the bitmap that follows a message.
    bitmap: bool,
}

impl Backward {
    /// Decodes bytes that have arrived. After an error the rest is ignored.
    pub(super) fn feed(&mut self, bytes: &[u8], seen: &mut dyn FnMut(Answer)) -> Result<(), LoadError> {
        self.input.push(bytes);
        loop {
            match self.step() {
                Ok(Some(Some(answer))) => seen(answer),
                Ok(Some(None)) => {}
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.input.skip_all();
                    return Err(error);
                }
            }
        }
    }

    /// Decodes an item; `None` if it has not arrived completely.
    fn step(&mut self) -> Result<Option<Option<Answer>>, LoadError> {
        if self.bitmap {
            let Some(size) = self.input.array() else { return Ok(None) };
            // The bitmap is followed by a mark of eight bytes.
            self.input.skip(u64::from_be_bytes(size).saturating_add(8));
            self.bitmap = false;
            return Ok(Some(None));
        }
        if let Some(number) = self.colo_message() {
            self.input.skip(4);
            return Ok(Some(Some(Answer::Colo(number))));
        }
        let message = self.input.decode(|bytes, offset| {
            if bytes.is_empty() {
                Ok(Decoded::Need(std::num::NonZeroUsize::MIN))
            } else {
                ReturnPathMessage::decode(bytes, offset)
            }
        })?;
        let Some(message) = message else { return Ok(None) };
        self.bitmap = matches!(message, ReturnPathMessage::RecvBitmap(_));
        Ok(Some(Some(Answer::Message(message))))
    }

    /// Returns the number of a message of COLO. Their numbers are small; messages of the return path begin with a type,
    /// which is never zero.
    fn colo_message(&self) -> Option<u32> {
        let number = u32::from_be_bytes(*self.input.rest().first_chunk()?);
        (number <= LAST_COLO_MESSAGE).then_some(number)
    }
}
