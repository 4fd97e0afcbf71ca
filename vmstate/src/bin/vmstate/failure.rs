//! The errors of commands, and how they are printed.

use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use vmstate::LoadError;
#[cfg(unix)]
use vmstate::migration::MigrationError;
#[cfg(unix)]
use vmstate::snapshot::StoreError;

use crate::terminal::plain;

/// The reason why a command failed.
pub(crate) enum Failure {
    /// A malformed stream, with its name.
    Stream(String, LoadError),
    /// Arguments that do not fit the stream or each other.
    Usage { message: String, help: Option<&'static str> },
    /// A file that cannot be read or written, with the attempted operation.
    File(String, io::Error),
    /// A migration that failed.
    #[cfg(unix)]
    Migration(MigrationError),
    /// A store of snapshots that cannot be read or changed.
    #[cfg(unix)]
    Store(StoreError),
}

#[cfg(unix)]
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[cfg(unix)]
impl From<MigrationError> for Failure {
    fn from(error: MigrationError) -> Self {
        Self::Migration(error)
    }
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: None }
    }

    /// `help` is an instruction, printed on a separate line.
    pub(crate) fn usage_with_help(message: impl Into<String>, help: &'static str) -> Self {
        Self::Usage { message: message.into(), help: Some(help) }
    }

    /// `operation` is the failed operation on the file at `path`, such as `cannot open`.
    pub(crate) fn file(operation: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let operation = format!("{operation} `{}`", path.display());
        |cause| Self::File(operation, cause)
    }

    /// A failure to write to standard output.
    pub(crate) fn stdout(cause: io::Error) -> Self {
        Self::File("cannot write to standard output".to_owned(), cause)
    }

    /// Returns the message in one line.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Stream(name, error) => format!("{name}: {error}"),
            Self::Usage { message, .. } => message.clone(),
            Self::File(operation, cause) => format!("{operation}: {cause}"),
            #[cfg(unix)]
            Self::Migration(error) => error.to_string(),
            #[cfg(unix)]
            Self::Store(error) => error.to_string(),
        }
    }

    /// Prints the error to standard error. Names in it are escaped.
    pub(crate) fn print(&self) {
        let message = match self {
            Self::Stream(name, error) => format!("{name}: {}", error.report()),
            _ => self.message(),
        };
        let red = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
        let bold = Style::new().bold();
        let message = message.lines().map(plain).collect::<Vec<_>>().join("\n");
        let mut text = format!("{red}error:{red:#} {message}\n");
        if let Self::Usage { help: Some(help), .. } = self {
            text.push_str(&format!("{bold}help:{bold:#} {help}\n"));
        }
        // If standard error is closed too, the error cannot be reported anywhere.
        let _ = anstream::stderr().write_all(text.as_bytes());
    }
}

/// Prints a warning to standard error.
#[cfg(unix)]
pub(crate) fn warn(message: &str) {
    let yellow = Style::new().fg_color(Some(AnsiColor::Yellow.into())).bold();
    // If standard error is closed, the warning cannot be reported anywhere.
    let _ = anstream::stderr().write_all(format!("{yellow}warning:{yellow:#} {message}\n").as_bytes());
}
