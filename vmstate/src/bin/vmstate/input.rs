//! The stream that a command reads.

use std::fs::File;
use std::io;
use std::path::Path;

use vmstate::dynamic::StreamDecoder;
use vmstate::dynamic::diff::Snapshot;
use vmstate::error::Location;
use vmstate::schema::vmdesc::{Document, locate_in};
use vmstate::{LoadError, Reader};

use crate::failure::Failure;
use crate::mapped::Mapped;
use crate::progress;

/// A stream that can be read several times, and its description.
pub(crate) struct Input {
    name: String,
    file: File,
    length: u64,
    description: Option<Described>,
}

/// The description at a stream's end.
#[derive(Clone)]
pub(crate) struct Described {
    /// The offset in the stream of its text.
    pub(crate) offset: u64,
    /// The bytes of its text.
    pub(crate) size: u64,
    pub(crate) document: Document,
}

impl Input {
    /// Opens the stream at `path` and finds its description. What is no plain file is first copied to one, because the
    /// description stands at the end and is needed from the beginning.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let (name, mut file) = if is_stdio(path) {
            ("standard input".to_owned(), spool(io::stdin().lock()).map_err(Failure::file("cannot copy", path))?)
        } else {
            (path.display().to_string(), open_plain(path)?)
        };
        let unreadable = |error| Failure::File(format!("cannot read {name}"), error);
        let length = file.metadata().map_err(unreadable)?.len();
        let found = locate_in(&mut file).map_err(unreadable)?;
        let mut input = Self { name, file, length, description: None };
        let found = match found {
            None => input.search_description()?,
            found => found,
        };
        let description = found.map(|(offset, text)| describe(offset, &text)).transpose();
        input.description = description.map_err(|error| input.failed(error))?;
        Ok(input)
    }

    /// Looks for a description that is not the end of the file, by walking to the end of the stream.
    fn search_description(&self) -> Result<Option<(u64, Vec<u8>)>, Failure> {
        let mut reader = self.reader()?;
        // What keeps the walk from the end will be met, and reported, again.
        Ok(description_behind_the_end(&mut reader).unwrap_or(None))
    }

    /// The name without its folder.
    pub(crate) fn short_name(&self) -> String {
        let name = Path::new(&self.name).file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The bytes of the stream.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The description, if the stream has one.
    pub(crate) fn description(&self) -> Option<&Described> {
        self.description.as_ref()
    }

    /// Reads the stream from its beginning, and shows how far it has come.
    pub(crate) fn reader(&self) -> Result<Reader<'static>, Failure> {
        self.read(progress::bar(self.length))
    }

    /// Reads the stream from its beginning, a second time and in step with [`reader`](Self::reader).
    pub(crate) fn second_reader(&self) -> Result<Reader<'static>, Failure> {
        self.read(indicatif::ProgressBar::hidden())
    }

    fn read(&self, progress: indicatif::ProgressBar) -> Result<Reader<'static>, Failure> {
        let file = self.file.try_clone();
        let file = file.map_err(|error| Failure::File(format!("cannot read {}", self.name), error))?;
        Ok(Reader::from_source(Mapped::new(file, self.length, progress)))
    }

    /// Walks through what `reader` reads.
    pub(crate) fn walk<'r, 'a>(&self, reader: &'r mut Reader<'a>) -> Result<StreamDecoder<'r, 'a>, Failure> {
        StreamDecoder::new(reader, self.document()).map_err(|error| self.failed(error))
    }

    /// Reads all that can be compared or shown.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Failure> {
        let mut reader = self.reader()?;
        let mut walk = self.walk(&mut reader)?;
        let snapshot = Snapshot::read(&mut walk).map_err(|error| self.failed(error))?;
        walk.trailer().map_err(|error| self.failed(error))?;
        Ok(snapshot)
    }

    /// What the stream is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn document(&self) -> Option<Document> {
        self.description.as_ref().map(|description| description.document.clone())
    }

    /// Says of which stream an error is.
    pub(crate) fn failed(&self, error: LoadError) -> Failure {
        Failure::Stream(self.name.clone(), error)
    }
}

/// The offset and the text of the description behind the end of a stream that is read without it.
fn description_behind_the_end(reader: &mut Reader<'_>) -> Result<Option<(u64, Vec<u8>)>, LoadError> {
    let mut walk = StreamDecoder::new(reader, None)?;
    while walk.next_event()?.is_some() {}
    let text = walk.trailer()?;
    Ok(text.map(|text| (walk.offset() - text.len() as u64, text.into_bytes())))
}

/// Whether a path means standard input or output.
pub(crate) fn is_stdio(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Standard input can be read once only.
pub(crate) fn refuse_two_stdins(one: &Path, other: &Path) -> Result<(), Failure> {
    match is_stdio(one) && is_stdio(other) {
        true => Err(Failure::Usage("only one of the two streams can be standard input".to_owned())),
        false => Ok(()),
    }
}

fn open_plain(path: &Path) -> Result<File, Failure> {
    let file = File::open(path).map_err(Failure::file("cannot open", path))?;
    let kind = file.metadata().map_err(Failure::file("cannot open", path))?.file_type();
    match kind.is_file() {
        true => Ok(file),
        false => spool(file).map_err(Failure::file("cannot read", path)),
    }
}

/// Copies everything to a file that has no name and goes away by itself.
fn spool(from: impl io::Read) -> io::Result<File> {
    let progress = progress::counter();
    let mut file = tempfile::tempfile()?;
    io::copy(&mut progress.wrap_read(from), &mut file)?;
    progress.finish_and_clear();
    Ok(file)
}

fn describe(offset: u64, text: &[u8]) -> Result<Described, LoadError> {
    let document = Document::parse(text, offset);
    let document = document.map_err(|error| error.in_location(|| Location::Part("the description".into())))?;
    Ok(Described { offset, size: text.len() as u64, document })
}
