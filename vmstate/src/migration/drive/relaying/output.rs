//! The destination's end of the main connection.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Write};

use super::RelayOutcome;
use super::shared::{Lost, Shared};
use super::splitting::Split;

/// Passes bytes through the relay, to the main connection and perhaps to data channels.
#[derive(Default)]
pub(super) struct Output<'s> {
    copied: Vec<u8>,
    split: Option<Split<'s>>,
}

impl<'s> Output<'s> {
    /// Sends pages over data channels.
    pub(super) fn split(split: Split<'s>) -> Self {
        Self { split: Some(split), ..Self::default() }
    }

    /// Passes bytes to the main connection. A failure of the relay ends the migration.
    pub(super) fn pass(&mut self, shared: &Shared, bytes: &[u8], destination: &File) -> Result<(), Lost> {
        let mut state = shared.lock();
        let forwarded = state.relay.pass(bytes);
        state.relay.swap_for_destination(&mut self.copied);
        let direct = match forwarded {
            Ok(direct) => direct,
            Err(error) => {
                state.end(RelayOutcome::Failed(error.to_string()));
                return Err(Lost::Ended);
            }
        };
        drop(state);
        match &mut self.split {
            None => write_both(destination, &self.copied, direct).map_err(Lost::Destination),
            Some(split) => {
                split.pass(&self.copied, destination)?;
                split.pass(direct, destination)
            }
        }
    }
}

/// Writes `first` and `second`, if possible with one call.
fn write_both(mut output: &File, first: &[u8], second: &[u8]) -> io::Result<()> {
    let written = match output.write_vectored(&[IoSlice::new(first), IoSlice::new(second)]) {
        Err(error) if error.kind() == ErrorKind::Interrupted => 0,
        result => result?,
    };
    output.write_all(first.get(written..).unwrap_or_default())?;
    output.write_all(second.get(written.saturating_sub(first.len())..).unwrap_or_default())
}
