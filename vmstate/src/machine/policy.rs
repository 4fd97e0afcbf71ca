//! What a load does about a stream that is not quite this machine's.

use std::fmt;

use vmstate_types::LoadError;

use super::progress::{Progress, Report};
use crate::registry::Missing;
#[cfg(feature = "schema")]
use crate::schema::vmdesc::Document;
use crate::stream::Command;

/// What to do about a section that nobody has registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Unknown {
    /// The load fails, as in QEMU.
    #[default]
    Reject,
    /// The section is passed over.
    Skip,
    /// The section is kept as it is, and sent again when the machine is saved. Live sections cannot be kept.
    PassThrough,
}

/// What to do about a section that has come already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Repeated {
    /// The load fails.
    #[default]
    Reject,
    /// The last one counts, as in QEMU.
    Replace,
}

/// What to do about bytes of a section that its device has not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Unread {
    /// The load fails, as in QEMU.
    #[default]
    Reject,
    /// They are passed over, up to the section's footer.
    Skip,
}

/// What a load does about sections that are missing, unknown, repeated, or longer than their devices.
///
/// All of it is refused by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Rules {
    /// What to do about a section that has not come.
    pub missing: Missing,
    /// What to do about a section that nobody has registered.
    pub unknown: Unknown,
    /// What to do about a section that has come already.
    pub repeated: Repeated,
    /// What to do about bytes that its device has not read.
    pub unread: Unread,
}

impl Rules {
    /// What QEMU does: sections may be missing, and come several times.
    pub const QEMU: Self = Self {
        missing: Missing::KeepState,
        unknown: Unknown::Reject,
        repeated: Repeated::Replace,
        unread: Unread::Reject,
    };

    /// With this rule for sections that have not come.
    #[must_use]
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// With this rule for sections that nobody has registered.
    #[must_use]
    pub fn unknown(mut self, unknown: Unknown) -> Self {
        self.unknown = unknown;
        self
    }

    /// With this rule for sections that have come already.
    #[must_use]
    pub fn repeated(mut self, repeated: Repeated) -> Self {
        self.repeated = repeated;
        self
    }

    /// With this rule for bytes that a device has not read.
    #[must_use]
    pub fn unread(mut self, unread: Unread) -> Self {
        self.unread = unread;
        self
    }
}

/// What to do about the JSON description, which may follow the end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Trailer {
    /// It is read if its first byte is at hand: a load never waits for what may never come.
    #[default]
    IfBuffered,
    /// It is waited for, until it has come or the source ends. A QEMU that sends one fails if nobody takes it.
    Required,
    /// It is left where it is.
    Ignore,
}

/// Answers what a source says between the sections.
///
/// Without a handler, and by default in it, `SWITCHOVER_START` is taken note of and all others are refused: the source
/// would wait for an answer, or send what the destination is not ready for.
///
/// ```
/// use vmstate::machine::{CommandHandler, LoadOptions};
/// use vmstate::prelude::*;
/// use vmstate::stream::Command;
///
/// struct ReturnPath(Vec<u32>);
///
/// impl CommandHandler for ReturnPath {
///     fn command(&mut self, command: &Command) -> Result<(), LoadError> {
///         match command {
///             Command::OpenReturnPath => Ok(()),
///             Command::Ping(number) => Ok(self.0.push(*number)), // to be answered
///             other => vmstate::machine::refuse(other),
///         }
///     }
/// }
///
/// let mut path = ReturnPath(Vec::new());
/// let options = LoadOptions::new().commands(&mut path);
/// # drop(options);
/// ```
pub trait CommandHandler {
    /// Does what `command` says.
    ///
    /// # Errors
    /// When it cannot be done. The load fails.
    fn command(&mut self, command: &Command) -> Result<(), LoadError> {
        refuse(command)
    }
}

/// Refuses a command, unless it is one that needs no answer.
///
/// # Errors
/// For all commands but `SWITCHOVER_START`.
pub fn refuse(command: &Command) -> Result<(), LoadError> {
    match command {
        Command::SwitchoverStart => Ok(()),
        other => Err(LoadError::incompatible("a stream that needs no answers", format!("the command {other:?}"))
            .or_advice(
                "switch the capabilities return-path and postcopy-ram off at the source, or give the load a \
                     handler for commands",
            )),
    }
}

/// What a load does that is not the default.
///
/// ```
/// use vmstate::machine::{LoadOptions, Rules, Trailer, Unknown};
/// use vmstate::registry::Missing;
///
/// // From a QEMU on the other end of a socket, with a user-mode network that we lack, and maybe without our RTC.
/// let options = LoadOptions::new()
///     .trailer(Trailer::Required)
///     .section("slirp", Rules::default().unknown(Unknown::Skip))
///     .section("rtc", Rules::default().missing(Missing::KeepState));
/// # drop(options);
/// ```
pub struct LoadOptions<'o> {
    pub(super) rules: Rules,
    sections: Vec<(String, Rules)>,
    pub(super) undo: bool,
    pub(super) immediate_post_load: bool,
    pub(super) ignore_machine_type: bool,
    pub(super) footers: Option<bool>,
    pub(super) header: bool,
    pub(super) trailer: Trailer,
    pub(super) commands: Option<&'o mut (dyn CommandHandler + 'o)>,
    pub(super) progress: Report<'o>,
    #[cfg(feature = "schema")]
    pub(super) description: Option<&'o Document>,
}

impl Default for LoadOptions<'_> {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            sections: Vec::new(),
            undo: true,
            immediate_post_load: false,
            ignore_machine_type: false,
            footers: None,
            header: true,
            trailer: Trailer::default(),
            commands: None,
            progress: Report::default(),
            #[cfg(feature = "schema")]
            description: None,
        }
    }
}

impl<'o> LoadOptions<'o> {
    /// Nothing may be missing, unknown or repeated, and a load that fails changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What QEMU does: [`Rules::QEMU`], `post_load` hooks at once, and no way back from a load that fails.
    #[must_use]
    pub fn qemu_defaults() -> Self {
        Self::new().rules(Rules::QEMU).immediate_post_load().without_rollback()
    }

    /// With these rules for all sections.
    #[must_use]
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// With other rules for the sections of this name.
    #[must_use]
    pub fn section(mut self, name: impl Into<String>, rules: Rules) -> Self {
        self.sections.push((name.into(), rules));
        self
    }

    /// Without a way back: what a load that fails has changed stays changed. It then needs no copies.
    #[must_use]
    pub fn without_rollback(mut self) -> Self {
        self.undo = false;
        self
    }

    /// Whether a section's own `post_load` runs as soon as the section is decoded, as in QEMU, and not when all sections
    /// have been.
    #[must_use]
    pub fn immediate_post_load(mut self) -> Self {
        self.immediate_post_load = true;
        self
    }

    /// Loads the stream of a machine that has another configuration, or that says none.
    #[must_use]
    pub fn ignore_machine_type(mut self) -> Self {
        self.ignore_machine_type = true;
        self
    }

    /// Whether the stream's sections have footers. If nothing is said, the first section tells, by what follows it.
    #[must_use]
    pub fn footers(mut self, footers: bool) -> Self {
        self.footers = Some(footers);
        self
    }

    /// Loads a stream that begins with its first section, such as a packaged one.
    #[must_use]
    pub fn without_header(mut self) -> Self {
        self.header = false;
        self
    }

    /// What to do about the description at the end.
    #[must_use]
    pub fn trailer(mut self, trailer: Trailer) -> Self {
        self.trailer = trailer;
        self
    }

    /// With a handler for commands.
    #[must_use]
    pub fn commands(mut self, handler: &'o mut (dyn CommandHandler + 'o)) -> Self {
        self.commands = Some(handler);
        self
    }

    /// Tells `report` how far the load is, after each section.
    #[must_use]
    pub fn progress(mut self, report: impl FnMut(&Progress<'_>) + 'o) -> Self {
        self.progress = Report::new(report);
        self
    }

    /// With the description of the stream, if it is known before the end: errors then name the first field in which the
    /// two sides differ. A stream in a slice or a file is looked at for it anyway.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn description(mut self, description: &'o Document) -> Self {
        self.description = Some(description);
        self
    }

    pub(super) fn own_rules(&self, name: &str) -> Option<Rules> {
        self.sections.iter().rev().find(|(other, _)| other == name).map(|(_, rules)| *rules)
    }

    pub(super) fn rules_of(&self, name: &str) -> Rules {
        self.own_rules(name).unwrap_or(self.rules)
    }
}

impl fmt::Debug for LoadOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadOptions")
            .field("rules", &self.rules)
            .field("sections", &self.sections)
            .field("undo", &self.undo)
            .finish_non_exhaustive()
    }
}
