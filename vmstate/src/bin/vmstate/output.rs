//! Where commands write: answers to standard output, streams to files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::input::is_stdio;

/// Writes an answer to standard output, without colours where they are not wanted.
pub(crate) fn answer(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::stdout)
}

/// Writes an answer to standard output, for programs.
pub(crate) fn answer_json(value: &impl Serialize) -> Result<(), Failure> {
    answer(&json(value)?)
}

/// A value as JSON text, with a newline at its end.
fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n").map_err(|error| Failure::File("cannot write JSON".to_owned(), error.into()))
}

/// A stream that is being written.
///
/// A file appears under its name only when it is complete.
pub(crate) struct Output {
    to: To,
}

enum To {
    Stdout(io::Stdout),
    /// Something that is there and is no plain file, such as a pipe: it is written to, not replaced.
    Special(File, PathBuf),
    /// A file beside the place where it shall be.
    Beside(NamedTempFile, PathBuf),
}

impl Output {
    /// Begins to write to `path`, which must be none of `inputs`.
    pub(crate) fn create(path: &Path, inputs: &[&Path]) -> Result<Self, Failure> {
        if is_stdio(path) {
            return Ok(Self { to: To::Stdout(io::stdout()) });
        }
        inputs.iter().try_for_each(|input| refuse_same(path, input))?;
        let to = match fs::metadata(path) {
            Ok(there) if !there.is_file() => {
                let file = File::options().write(true).open(path).map_err(Failure::file("cannot write to", path))?;
                To::Special(file, path.to_owned())
            }
            _ => To::Beside(beside(path)?, path.to_owned()),
        };
        Ok(Self { to })
    }

    /// Ends the stream: it now is where it shall be.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.flush().map_err(|error| self.failed(error))?;
        match self.to {
            To::Stdout(_) | To::Special(..) => Ok(()),
            To::Beside(file, path) => match file.persist(&path) {
                Ok(_) => Ok(()),
                Err(error) => Err(Failure::file("cannot put the result at", &path)(error.error)),
            },
        }
    }

    /// Says what could not be written.
    pub(crate) fn failed(&self, error: io::Error) -> Failure {
        match &self.to {
            To::Stdout(_) => Failure::stdout(error),
            To::Special(_, path) | To::Beside(_, path) => Failure::file("cannot write to", path)(error),
        }
    }

    /// Reports what was done: on standard output, unless the stream went there.
    pub(crate) fn report(path: &Path, text: &str, value: &impl Serialize, as_json: bool) -> Result<(), Failure> {
        let text = if as_json { json(value)? } else { format!("{text}\n") };
        match is_stdio(path) {
            true => io::stderr().write_all(text.as_bytes()).map_err(Failure::stdout),
            false => answer(&text),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            To::Stdout(stdout) => stdout.write(bytes),
            To::Special(file, _) => file.write(bytes),
            To::Beside(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Stdout(stdout) => stdout.flush(),
            To::Special(..) | To::Beside(..) => Ok(()),
        }
    }
}

fn refuse_same(output: &Path, input: &Path) -> Result<(), Failure> {
    let (Ok(output_path), Ok(input_path)) = (output.canonicalize(), input.canonicalize()) else { return Ok(()) };
    match output_path == input_path && !is_stdio(input) {
        true => Err(Failure::Usage(format!("IN and OUT are the same file, `{}`", output.display()))),
        false => Ok(()),
    }
}

/// A temporary file in the folder of `path`, with the permissions of any new file.
fn beside(path: &Path) -> Result<NamedTempFile, Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // What is said about a file in it would name that file, of which nobody knows.
    fs::metadata(folder).map_err(Failure::file("cannot find the folder", folder))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".vmstate-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(Failure::file("cannot create a file beside", path))
}
