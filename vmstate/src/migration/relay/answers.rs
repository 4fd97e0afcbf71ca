//! The destination's messages, each with its bytes.

use std::num::NonZeroUsize;

use vmstate_types::LoadError;

use crate::migration::conversation::Pending;
use crate::stream::{Decoded, ReturnPathMessage};

/// The restartable decoder of the return path.
#[derive(Debug, Default)]
pub(super) struct Answers(Pending);

impl Answers {
    /// Appends bytes that have arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
    }

    /// Decodes the next message, and returns it with its bytes; `None` if it has not arrived completely.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a message.
    pub(super) fn next(&mut self) -> Result<Option<(ReturnPathMessage, &[u8])>, LoadError> {
        let start = self.0.offset();
        let message = self.0.decode(|bytes, offset| match bytes {
            [] => Ok(Decoded::Need(NonZeroUsize::MIN)),
            _ => ReturnPathMessage::decode(bytes, offset),
        })?;
        Ok(message.map(|message| (message, self.0.consumed(start))))
    }
}
