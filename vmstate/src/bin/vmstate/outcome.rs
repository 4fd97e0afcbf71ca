//! The result of a command that succeeded, and its exit status.

use std::process::ExitCode;

/// The result of a command that succeeded.
#[derive(Clone, Copy)]
pub(crate) enum Outcome {
    /// The command did its work; a comparison found no differences.
    Success,
    /// A comparison found differences, or `check` found incompatibilities.
    Differences,
    /// A guest was transferred, but it is unknown whether the peer has learned that.
    #[cfg(unix)]
    InDoubt,
}

impl Outcome {
    /// Returns [`Success`](Self::Success) if a comparison found no differences.
    pub(crate) fn of_comparison(is_same: bool) -> Self {
        if is_same { Self::Success } else { Self::Differences }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::SUCCESS,
            Outcome::Differences => Self::from(1),
            #[cfg(unix)]
            Outcome::InDoubt => Self::from(3),
        }
    }
}
