//! Files that say what devices look like: schemas, dumps of QEMU's, and streams, by their descriptions.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use vmstate::schema::Schema;
use vmstate::schema::dump::Dump;
use vmstate::schema::vmdesc::{Document, Located, locate};

use crate::failure::Failure;
use crate::input::{Input, is_stdio};

/// What a file says.
pub(crate) struct Shapes {
    pub(crate) name: String,
    pub(crate) schema: Schema,
    /// The dump, if it is one.
    pub(crate) dump: Option<Dump>,
}

impl Shapes {
    /// Reads the file at `path`, whatever of the three it is.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let name = if is_stdio(path) { "standard input".to_owned() } else { path.display().to_string() };
        if is_stdio(path) {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).map_err(Failure::file("cannot read", path))?;
            return match is_json(&bytes) {
                true => Self::of_json(name, bytes),
                false => Self::from_stream(name, &bytes),
            };
        }
        let mut start = [0; 64];
        let mut file = fs::File::open(path).map_err(Failure::file("cannot open", path))?;
        let count = file.read(&mut start).map_err(Failure::file("cannot read", path))?;
        match is_json(start.get(..count).unwrap_or(&start)) {
            true => Self::of_json(name, fs::read(path).map_err(Failure::file("cannot read", path))?),
            false => {
                let input = Input::open(path)?;
                Self::of_document(name, input.description().map(|found| &found.document))
            }
        }
    }

    fn of_json(name: String, bytes: Vec<u8>) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::Usage(format!("{name}: {error}"));
        let text = String::from_utf8(bytes).map_err(|error| failed(&error))?;
        let schema = Schema::read(&text).map_err(|error| failed(&error))?;
        let dump = match schema.origin {
            vmstate::schema::Origin::Dump => Dump::parse(&text).ok(),
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
        Self::of_document(name, document.as_ref())
    }

    fn of_document(name: String, document: Option<&Document>) -> Result<Self, Failure> {
        match document {
            Some(document) => Ok(Self { name, schema: document.into(), dump: None }),
            None => Err(Failure::Usage(format!("{name}: neither JSON nor a stream with a description at its end"))),
        }
    }

    /// Keeps only these devices; all if none are named.
    pub(crate) fn select(&mut self, names: &[String]) {
        if !names.is_empty() {
            self.schema.devices.retain(|name, _| names.contains(name));
        }
    }
}

/// Whether the bytes begin like a JSON object.
fn is_json(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'{')
}
