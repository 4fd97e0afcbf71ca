//! Reads schemas from files: schema files, dumps of QEMU, and streams with a description.

use std::fmt;
use std::path::Path;

use vmstate::schema::dump::Dump;
use vmstate::schema::vmdesc::Document;
use vmstate::schema::{Origin, Schema, device_name};

use crate::failure::Failure;
use crate::input::Input;

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
        Self::from_input(&Input::open_stream_or_json(path)?)
    }

    /// Reads an open file in any of the three formats.
    pub(crate) fn from_input(input: &Input) -> Result<Self, Failure> {
        let name = input.name().to_owned();
        match input.json()? {
            Some(text) => Self::from_json(name, text),
            None => Self::from_document(name, input.description().map(|found| &found.document)),
        }
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

    fn from_document(name: String, document: Option<&Document>) -> Result<Self, Failure> {
        match document {
            Some(document) => Ok(Self { name, schema: document.into(), dump: None }),
            None => Err(Failure::usage(format!("{name}: expected JSON or a stream with a description"))),
        }
    }

    /// Keeps only the named devices, or all if `names` is empty. Returns the first name without a device.
    ///
    /// A name can be given without the path of the device, unless another device has it as its whole name.
    pub(crate) fn select<'n>(&mut self, names: &'n [String]) -> Option<&'n String> {
        if names.is_empty() {
            return None;
        }
        let devices = &self.schema.devices;
        let is_named =
            |device: &str, name: &String| device == name || device_name(device) == name && !devices.contains_key(name);
        let kept = |device: &String| names.iter().any(|name| is_named(device, name));
        let kept: Vec<_> = devices.keys().filter(|device| kept(device)).cloned().collect();
        let unknown = names.iter().find(|name| !kept.iter().any(|device| is_named(device, name)));
        self.schema.devices.retain(|device, _| kept.contains(device));
        unknown
    }
}
