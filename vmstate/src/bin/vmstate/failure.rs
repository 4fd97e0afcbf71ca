//! Why a command could not do its work.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use vmstate::LoadError;

/// Why a command could not do its work.
pub(crate) enum Failure {
    /// The stream is bad; the name says which one.
    Stream(String, LoadError),
    /// The arguments do not fit the stream or each other.
    Usage(String),
    /// A file could not be read or written; the text says what was tried.
    File(String, io::Error),
    /// Nobody reads what is written to standard output. That is no error: `vmstate ... | head` is fine.
    ClosedPipe,
}

impl Failure {
    /// What was tried with the file at `path`, such as `cannot open`.
    pub(crate) fn file(tried: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let tried = format!("{tried} `{}`", path.display());
        |cause| Self::File(tried, cause)
    }

    /// Standard output could not be written.
    pub(crate) fn stdout(cause: io::Error) -> Self {
        match cause.kind() {
            ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::File("cannot write to standard output".to_owned(), cause),
        }
    }

    /// Tells on standard error.
    pub(crate) fn report(&self) {
        let red = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
        let text = match self {
            Self::Stream(name, error) => format!("{name}: {error:#}"),
            Self::Usage(text) => text.clone(),
            Self::File(tried, cause) => format!("{tried}: {cause}"),
            Self::ClosedPipe => return,
        };
        // Where standard error is closed too, nobody can be told.
        let _ = writeln!(anstream::stderr(), "{red}error:{red:#} {text}");
    }
}
