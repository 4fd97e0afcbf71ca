//! Commands that a load does not execute.

use vmstate_types::LoadError;
use vmstate_types::error::{LoadErrorKind, Location};

use crate::stream::Command;

impl Command {
    /// Returns the error for a command that a destination does not support.
    ///
    /// Ignoring a command is wrong for all but `SWITCHOVER_START`: the source waits for an answer, or continues with
    /// something that the destination is not prepared for.
    #[must_use]
    pub fn reject(&self) -> LoadError {
        LoadError::new(LoadErrorKind::Unsupported, "a stream without a return path", format!("command {self:?}"))
            .or_advice(
                "disable the capabilities return-path and postcopy-ram on the source, or answer its commands \
                 (`Machine::load_with_commands`)",
            )
            .in_location(|| Location::Part("a command".into()))
    }
}
