//! The output of commands: text and JSON to standard output, streams to files.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use vmstate::text::json_fragment;

use crate::failure::Failure;
use crate::input::is_stdio;
use crate::temporary::Temporary;

/// The number of bytes to collect before they are written.
pub(crate) const CHUNK: usize = 256 * 1024;

/// Prints text to standard output, without colours unless they are wanted.
///
/// A closed standard output is not an error: `vmstate ... | head` is a normal command, whose result is its exit status.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    write_all(anstream::stdout().lock(), text)
}

fn write_all(mut out: impl Write, text: &str) -> Result<(), Failure> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::stdout),
    }
}

/// Prints a value to standard output as JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    // It contains no control sequences that a pipe must not get.
    write_all(io::stdout().lock(), &json(value)?)
}

/// Returns a value as JSON text with a newline at its end.
///
/// JSON permits most control characters in strings (C1, DEL, bidirectional ones). They are escaped, because the output
/// may be a terminal.
fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    let mut text = text.map_err(|error| Failure::File("cannot write JSON".to_owned(), error.into()))?;
    if text.bytes().all(|byte| byte == b'\n' || byte == b' ' || byte.is_ascii_graphic()) {
        text.push('\n');
        return Ok(text);
    }
    Ok(text.lines().fold(String::with_capacity(text.len() + 1), |mut escaped, line| {
        escaped.extend([json_fragment(line).to_string().as_str(), "\n"]);
        escaped
    }))
}

/// A stream or page that is being written.
///
/// A file appears under its name only when it is complete.
pub(crate) struct Output {
    target: Target,
}

enum Target {
    Stdout(io::Stdout),
    /// An existing file that is not a regular one, such as a pipe: it is written to, not replaced.
    Special(File, PathBuf),
    /// A file that replaces the one at the path in the end.
    Temporary(Temporary, PathBuf),
}

impl Output {
    /// Opens the output `path`, which must not be one of `inputs`.
    pub(crate) fn create(path: &Path, inputs: &[&Path]) -> Result<Self, Failure> {
        if is_stdio(path) {
            return Ok(Self { target: Target::Stdout(io::stdout()) });
        }
        inputs.iter().try_for_each(|input| reject_same_file(path, input))?;
        let target = match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => {
                let file = File::options().write(true).open(path).map_err(Failure::file("cannot write to", path))?;
                Target::Special(file, path.to_owned())
            }
            _ => Target::Temporary(Temporary::create(path)?, path.to_owned()),
        };
        Ok(Self { target })
    }

    /// Completes the output: a file gets its name.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.flush().map_err(|error| self.failed(error))?;
        match self.target {
            Target::Stdout(_) | Target::Special(..) => Ok(()),
            Target::Temporary(file, path) => file.persist().map_err(Failure::file("cannot write", &path)),
        }
    }

    /// Completes the output so that it exists after a crash of the system, too.
    #[cfg(unix)]
    pub(crate) fn finish_durably(mut self) -> Result<(), Failure> {
        self.flush().map_err(|error| self.failed(error))?;
        match self.target {
            Target::Temporary(file, path) => file.persist_durably().map_err(Failure::file("cannot write", &path)),
            Target::Stdout(_) | Target::Special(..) => Ok(()),
        }
    }

    /// Returns the file, or `None` for an output without positions.
    #[cfg(unix)]
    pub(crate) fn file(&self) -> Option<&File> {
        match &self.target {
            Target::Temporary(file, _) => Some(file.file()),
            Target::Stdout(_) | Target::Special(..) => None,
        }
    }

    /// Adds the name of the output to an error.
    pub(crate) fn failed(&self, error: io::Error) -> Failure {
        match &self.target {
            Target::Stdout(_) => Failure::stdout(error),
            Target::Special(_, path) | Target::Temporary(_, path) => Failure::file("cannot write to", path)(error),
        }
    }

    /// Prints a summary to standard output, or to standard error if `path` is standard output.
    pub(crate) fn print_summary(path: &Path, text: &str, value: &impl Serialize, as_json: bool) -> Result<(), Failure> {
        let text = if as_json { json(value)? } else { format!("{text}\n") };
        if is_stdio(path) {
            return io::stderr().write_all(text.as_bytes()).map_err(Failure::stdout);
        }
        print(&text)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Stdout(stdout) => stdout.write(bytes),
            Target::Special(file, _) => file.write(bytes),
            Target::Temporary(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Stdout(stdout) => stdout.flush(),
            Target::Special(..) | Target::Temporary(..) => Ok(()),
        }
    }
}

/// Compares canonical paths, because different paths can name the same file.
fn reject_same_file(output: &Path, input: &Path) -> Result<(), Failure> {
    let (Ok(output_path), Ok(input_path)) = (output.canonicalize(), input.canonicalize()) else { return Ok(()) };
    if output_path != input_path || is_stdio(input) {
        return Ok(());
    }
    Err(Failure::usage(format!("IN and OUT are the same file, `{}`", output.display())))
}
