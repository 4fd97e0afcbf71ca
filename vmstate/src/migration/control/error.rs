//! The error replies of commands.

use serde_json::{Value, json};

use super::super::{CapabilityConflict, InvalidParameter, InvalidUri, QemuRelease};

/// The class of an error reply, by which clients decide. All but unknown commands are generic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ErrorClass {
    /// The command cannot be executed.
    #[default]
    GenericError,
    /// The command is unknown, or not allowed before `qmp_capabilities`.
    CommandNotFound,
}

/// The error of a command, which a client receives as `error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{description}")]
pub struct CommandError {
    class: ErrorClass,
    description: String,
}

/// QEMU's message about a migration that excludes a command.
pub(super) const IN_PROGRESS: &str = "There's a migration process in progress";

impl CommandError {
    /// Creates a generic error. Management layers compare some descriptions with QEMU's texts.
    #[must_use]
    pub fn new(description: impl Into<String>) -> Self {
        Self { class: ErrorClass::GenericError, description: description.into() }
    }

    /// Creates the error for a command that does not exist.
    #[must_use]
    pub fn not_found(command: &str) -> Self {
        let description = format!("The command {} has not been found", shortened(command));
        Self { class: ErrorClass::CommandNotFound, description }
    }

    /// The error for a command that exists, but not before or after the negotiation.
    pub(super) fn not_now(description: &str) -> Self {
        Self { class: ErrorClass::CommandNotFound, description: description.to_owned() }
    }

    /// Returns the class.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    pub(super) fn to_value(&self) -> Value {
        let class = match self.class {
            ErrorClass::GenericError => "GenericError",
            ErrorClass::CommandNotFound => "CommandNotFound",
        };
        json!({ "class": class, "desc": self.description })
    }

    /// The error for an address that clients may use only if the program sets a field of the settings.
    pub(super) fn not_permitted(protocol: &str, field: &str) -> Self {
        Self::new(format!(
            "this program does not permit addresses with '{protocol}:'; it would set `Settings::{field}`"
        ))
    }

    /// The error for a member that a command does not have.
    pub(super) fn unexpected(name: &str) -> Self {
        Self::new(format!("Parameter '{}' is unexpected", shortened(name)))
    }

    /// The error for a member that the message around a command does not have.
    pub(super) fn unexpected_member(name: &str) -> Self {
        Self::new(format!("QMP input member '{}' is unexpected", shortened(name)))
    }

    /// The error for a descriptor that the client has not passed.
    pub(super) fn unknown_descriptor(name: &str) -> Self {
        Self::new(format!("File descriptor named '{}' not found", shortened(name)))
    }

    /// The error for a decision that no migration waits for.
    pub(super) fn undecided(command: &str) -> Self {
        Self::new(format!("{command} is only possible while it is unknown which side runs the guest"))
    }

    /// The error for a pause of a migration whose guest does not run on the destination.
    pub(super) fn not_in_postcopy(release: QemuRelease) -> Self {
        let states = match release {
            QemuRelease::V7_2 => "postcopy-active state",
            _ => "postcopy-active or postcopy-recover state",
        };
        Self::new(format!("migrate-pause is currently only supported during {states}"))
    }

    /// The error for a command that a migration excludes.
    pub(super) fn in_progress() -> Self {
        Self::new(IN_PROGRESS)
    }

    /// The error for a job that does not exist.
    pub(super) fn unknown_job() -> Self {
        Self::new("Job not found")
    }

    pub(super) fn missing(name: &str) -> Self {
        Self::new(format!("Parameter '{name}' is missing"))
    }

    pub(super) fn wrong_type(name: &str, expected: &str) -> Self {
        Self::new(format!("Invalid parameter type for '{name}', expected: {expected}"))
    }

    pub(super) fn unknown_word(name: &str, word: &str) -> Self {
        Self::new(format!("Parameter '{name}' does not accept value '{}'", shortened(word)))
    }

    pub(super) fn parameter(error: &InvalidParameter, release: QemuRelease) -> Self {
        Self::new(error.qemu_message(release))
    }
}

impl From<InvalidUri> for CommandError {
    fn from(error: InvalidUri) -> Self {
        Self::new(error.qemu_message())
    }
}

impl From<CapabilityConflict> for CommandError {
    fn from(error: CapabilityConflict) -> Self {
        Self::new(error.qemu_message())
    }
}

/// The largest number of characters of a client's text that a reply repeats.
const MAX_QUOTED: usize = 64;

/// Shortens text of a client, and escapes its control characters: replies end up in logs.
pub(super) fn shortened(text: &str) -> String {
    let quoted: String = text.chars().take(MAX_QUOTED).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_QUOTED).is_some() { format!("{quoted}...") } else { quoted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_client_is_short_and_printable() {
        let error = CommandError::not_found(&"\u{1b}[2J\n".repeat(1000)).to_string();
        assert!(error.len() < 1000 && error.chars().all(|char| !char.is_control()), "{error}");
    }
}
