//! The stream that a command reads.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use indicatif::ProgressBar;
use vmstate::checksum::FileChecksum;
use vmstate::dynamic::StreamDecoder;
use vmstate::dynamic::diff::Snapshot;
use vmstate::error::Location;
use vmstate::schema::vmdesc::{Document, MAX_TEXT, locate_in};
use vmstate::stream::MAGIC;
use vmstate::{LoadError, Reader};

use crate::failure::Failure;
use crate::mapped::Mapped;
use crate::progress;

/// The number of bytes that are enough to recognize a format.
const START: usize = 64;

/// A stream that can be read several times, and its description.
pub(crate) struct Input {
    name: String,
    file: File,
    length: u64,
    description: Option<Described>,
}

/// The description at the end of a stream.
#[derive(Clone)]
pub(crate) struct Described {
    /// The stream offset of the text.
    pub(crate) offset: u64,
    /// The size of the text in bytes.
    pub(crate) size: u64,
    pub(crate) document: Document,
}

impl Input {
    /// Opens the stream at `path` and finds its description.
    ///
    /// Input that is not a regular file is first copied to one: the description is at the end, and decoding needs it
    /// from the beginning.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        Self::open_if(path, is_stream)
    }

    /// Opens a stream, or a file with a JSON object, for [`json`](Self::json).
    pub(crate) fn open_stream_or_json(path: &Path) -> Result<Self, Failure> {
        Self::open_if(path, |start| is_stream(start) || is_json(start))
    }

    fn open_if(path: &Path, is_known: impl Fn(&[u8]) -> bool) -> Result<Self, Failure> {
        #[cfg(unix)]
        if let Some((store, key)) = snapshot_of(path) {
            return Self::open_snapshot(store, key);
        }
        let (name, file) = if is_stdio(path) {
            let file = spool(io::stdin().lock(), is_known).map_err(Failure::file("cannot copy", path))?;
            ("standard input".to_owned(), file)
        } else {
            (path.display().to_string(), open_regular(path, is_known)?)
        };
        Self::of_file(name, file)
    }

    /// Opens the stream of a snapshot in a folder or an image.
    #[cfg(unix)]
    pub(crate) fn open_snapshot(store: &Path, key: &str) -> Result<Self, Failure> {
        Self::of_file(format!("{}#{key}", store.display()), crate::store::copy(store, key)?)
    }

    fn of_file(name: String, mut file: File) -> Result<Self, Failure> {
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

    /// Finds a description that other bytes follow, by reading to the end of the stream.
    fn search_description(&self) -> Result<Option<(u64, Vec<u8>)>, Failure> {
        let mut reader = self.reader()?;
        // An error is ignored here because the command itself encounters and reports it.
        Ok(description_after_end(&mut reader).unwrap_or(None))
    }

    /// Returns the file name without its folder.
    pub(crate) fn short_name(&self) -> String {
        let name = Path::new(&self.name).file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Returns the length of the stream in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn description(&self) -> Option<&Described> {
        self.description.as_ref()
    }

    /// Iterates over the names of the described sections.
    pub(crate) fn section_names(&self) -> impl Iterator<Item = &str> + Clone {
        let devices = self.description.iter().flat_map(|description| &description.document.devices);
        devices.map(|device| &*device.name)
    }

    /// Reads the stream from its beginning and shows the progress.
    pub(crate) fn reader(&self) -> Result<Reader<'static>, Failure> {
        self.read(progress::bar(self.length))
    }

    /// Reads the stream from its beginning, in step with [`reader`](Self::reader) and without a second progress bar.
    pub(crate) fn second_reader(&self) -> Result<Reader<'static>, Failure> {
        self.read(ProgressBar::hidden())
    }

    fn read(&self, progress: ProgressBar) -> Result<Reader<'static>, Failure> {
        let file = self.file.try_clone();
        let file = file.map_err(|error| Failure::File(format!("cannot read {}", self.name), error))?;
        Ok(Reader::from_source(Mapped::new(file, self.length, progress)))
    }

    /// Returns the checksum at the end of the file, if it has one.
    pub(crate) fn checksum(&self) -> Result<Option<FileChecksum>, Failure> {
        FileChecksum::read(&mut self.second_reader()?, self.length).map_err(|error| self.failed(error))
    }

    pub(crate) fn decoder<'r, 'a>(&self, reader: &'r mut Reader<'a>) -> Result<StreamDecoder<'r, 'a>, Failure> {
        StreamDecoder::new(reader, self.document()).map_err(|error| self.failed(error))
    }

    /// Reads everything that can be compared or shown.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Failure> {
        let mut reader = self.reader()?;
        let mut decoder = self.decoder(&mut reader)?;
        let snapshot = Snapshot::read(&mut decoder).map_err(|error| self.failed(error))?;
        decoder.trailer().map_err(|error| self.failed(error))?;
        Ok(snapshot)
    }

    /// Returns the text of a file with a JSON object, or `None` for a stream.
    pub(crate) fn json(&self) -> Result<Option<Vec<u8>>, Failure> {
        let mut reader = self.reader()?;
        let failed = |error| self.failed(error);
        if !is_json(reader.peek(START).map_err(failed)?) {
            return Ok(None);
        }
        match usize::try_from(self.length) {
            Ok(length) if length <= MAX_TEXT => reader.take(length).map(|text| Some(text.to_vec())).map_err(failed),
            _ => Err(Failure::usage(format!("{}: expected at most {MAX_TEXT} bytes of JSON", self.name))),
        }
    }

    /// Returns the path, or `standard input`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn document(&self) -> Option<Document> {
        self.description.as_ref().map(|description| description.document.clone())
    }

    /// Adds the name of the stream to an error.
    pub(crate) fn failed(&self, error: LoadError) -> Failure {
        Failure::Stream(self.name.clone(), error)
    }
}

/// Returns the offset and the text of the description after the end of a stream, which is decoded without it.
fn description_after_end(reader: &mut Reader<'_>) -> Result<Option<(u64, Vec<u8>)>, LoadError> {
    let mut decoder = StreamDecoder::new(reader, None)?;
    while decoder.next_event()?.is_some() {}
    let text = decoder.trailer()?;
    Ok(text.map(|text| (decoder.offset() - text.len() as u64, text.into_bytes())))
}

/// Returns whether `path` is `-`, which selects standard input or output.
pub(crate) fn is_stdio(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Splits `STORE#NAME`, unless a file has that name.
#[cfg(unix)]
pub(crate) fn snapshot_of(path: &Path) -> Option<(&Path, &str)> {
    let text = path.to_str().filter(|_| !path.exists())?;
    // The name of a snapshot can contain the character as well.
    let mut places = text.match_indices('#').map(|(place, _)| (Path::new(&text[..place]), &text[place + 1..]));
    places.find(|(store, _)| crate::store::exists(store))
}

/// Standard input can be read only once.
pub(crate) fn reject_two_stdins(one: &Path, other: &Path) -> Result<(), Failure> {
    if is_stdio(one) && is_stdio(other) {
        return Err(Failure::usage("only one of the two streams can be standard input"));
    }
    Ok(())
}

fn open_regular(path: &Path, is_known: impl Fn(&[u8]) -> bool) -> Result<File, Failure> {
    let file = File::open(path).map_err(Failure::file("cannot open", path))?;
    let kind = file.metadata().map_err(Failure::file("cannot open", path))?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    spool(file, is_known).map_err(Failure::file("cannot read", path))
}

/// Returns whether the bytes begin like a stream.
fn is_stream(start: &[u8]) -> bool {
    start.starts_with(&MAGIC.to_be_bytes())
}

/// Returns whether the bytes begin like a JSON object.
fn is_json(start: &[u8]) -> bool {
    start.trim_ascii_start().first() == Some(&b'{')
}

/// Copies the input to an anonymous temporary file.
///
/// Input that does not begin like a known format may be endless. Of such input, only the beginning is copied, which is
/// enough to reject it.
fn spool(mut from: impl Read, is_known: impl Fn(&[u8]) -> bool) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    let mut start = Vec::new();
    from.by_ref().take(START as u64).read_to_end(&mut start)?;
    file.write_all(&start)?;
    if is_known(&start) {
        let most = if is_stream(&start) { u64::MAX } else { MAX_TEXT as u64 + 1 };
        let progress = progress::counter();
        io::copy(&mut progress.wrap_read(from.take(most)), &mut file)?;
        progress.finish_and_clear();
    }
    Ok(file)
}

fn describe(offset: u64, text: &[u8]) -> Result<Described, LoadError> {
    let document = Document::parse(text, offset);
    let document = document.map_err(|error| error.in_location(|| Location::Part("the description".into())))?;
    Ok(Described { offset, size: text.len() as u64, document })
}
