//! Reads schemas from files: schema files, dumps of QEMU, and streams with a description.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use vmstate::schema::dump::Dump;
use vmstate::schema::vmdesc::{Document, Located, locate};
use vmstate::schema::{Origin, Schema};

use crate::failure::Failure;
use crate::input::{Input, is_stdio};

/// The bytes of a file that are enough to recognize JSON.
const START: usize = 64;

/// A file and the schema read from it.
pub(crate) struct SchemaFile {
    /// The path, or `standard input`.
    pub(crate) name: String,
    pub(crate) schema: Schema,
    /// The dump, if the file is one.
    pub(crate) dump: Option<Dump>,
}

impl SchemaFile {
    /// Reads the file at `path` in any of the three formats.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        if is_stdio(path) {
            return Self::read_stdin(path);
        }
        let name = path.display().to_string();
        if starts_as_json(path)? {
            return Self::from_json(name, fs::read(path).map_err(Failure::file("cannot read", path))?);
        }
        let input = Input::open(path)?;
        Self::from_document(name, input.description().map(|found| &found.document))
    }

    fn read_stdin(path: &Path) -> Result<Self, Failure> {
        let name = "standard input".to_owned();
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map_err(Failure::file("cannot read", path))?;
        if is_json(&bytes) { Self::from_json(name, bytes) } else { Self::from_stream(name, &bytes) }
    }

    fn from_json(name: String, bytes: Vec<u8>) -> Result<Self, Failure> {
        let failed = |error: &dyn fmt::Display| Failure::usage(format!("{name}: {error}"));
        let text = String::from_utf8(bytes).map_err(|error| failed(&error))?;
        let schema = Schema::read(&text).map_err(|error| failed(&error))?;
        let dump = match schema.origin {
            Origin::Dump => Dump::parse(&text).ok(),
            _ => None,
        };
        Ok(Self { name, schema, dump })
    }

    fn from_stream(name: String, bytes: &[u8]) -> Result<Self, Failure> {
        let document = match locate(bytes) {
            Located::At(start) => {
                let text = bytes.get(start..).unwrap_or_default();
                let document = Document::parse(text, start as u64);
                Some(document.map_err(|error| Failure::Stream(name.clone(), error))?)
            }
            _ => None,
        };
        Self::from_document(name, document.as_ref())
    }

    fn from_document(name: String, document: Option<&Document>) -> Result<Self, Failure> {
        match document {
            Some(document) => Ok(Self { name, schema: document.into(), dump: None }),
            None => Err(Failure::usage(format!("{name}: expected JSON or a stream with a description"))),
        }
    }

    /// Keeps only the named devices, or all if `names` is empty.
    pub(crate) fn select(&mut self, names: &[String]) {
        if !names.is_empty() {
            self.schema.devices.retain(|name, _| names.contains(name));
        }
    }
}

fn starts_as_json(path: &Path) -> Result<bool, Failure> {
    let mut start = [0; START];
    let mut file = fs::File::open(path).map_err(Failure::file("cannot open", path))?;
    let count = file.read(&mut start).map_err(Failure::file("cannot read", path))?;
    Ok(is_json(start.get(..count).unwrap_or(&start)))
}

/// Returns whether the bytes begin like a JSON object.
fn is_json(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'{')
}
