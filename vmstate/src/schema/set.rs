//! The devices of one program, machine or stream.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::IgnoredAny;
use vmstate_types::Description;

use super::dump::{self, Dump};
use super::entries::Entries;
use super::file;
use super::shape::Shape;
use super::vmdesc::{Body, Document};

/// The shapes of some devices, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The machine that they belong to, where that is known.
    pub machine: Option<String>,
    /// Where they come from.
    pub origin: Origin,
    /// The devices. What the names are depends on the source: names of sections, or of types of devices.
    pub devices: BTreeMap<String, Shape>,
}

/// Where shapes come from, and so what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// Devices of this library, or a file with them: all there is to know.
    Devices,
    /// A dump of QEMU's: no types, no conditions of subsections, and no saving at older versions.
    Dump,
    /// A stream: what was sent, and nothing about what could have been.
    Stream,
}

impl Schema {
    /// The devices of a program, under these names.
    pub fn of<'a>(
        machine: impl Into<Option<&'a str>>,
        devices: impl IntoIterator<Item = (&'a str, &'a Description)>,
    ) -> Self {
        let devices = devices.into_iter().map(|(name, device)| (name.to_owned(), device.into()));
        Self { machine: machine.into().map(str::to_owned), origin: Origin::Devices, devices: devices.collect() }
    }
}

impl Schema {
    /// Reads JSON that says what devices look like, whatever its form: a file of this library, a dump of QEMU's
    /// (`-dump-vmstate`), or a stream's description.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn read(text: &str) -> Result<Self, SchemaError> {
        let unknown = |found: &dyn fmt::Display| SchemaError::new("a schema, a dump or a description", found);
        let keys: Entries<IgnoredAny> = serde_json::from_str(text).map_err(|error| unknown(&error))?;
        let has = |key: &str| keys.0.iter().any(|(own, _)| own == key);
        if has(file::FORMAT_KEY) {
            Self::from_text(text)
        } else if has(dump::MACHINE) {
            Dump::parse(text).map(|dump| Self::from(&dump))
        } else if has("page_size") {
            let document = Document::parse(text.as_bytes(), 0);
            document.map(|document| Self::from(&document)).map_err(|error| unknown(&error))
        } else {
            let known = [file::FORMAT_KEY, dump::MACHINE, "page_size"];
            Err(unknown(&format_args!("an object without any of the keys `{}`", known.join("`, `"))))
        }
    }
}

impl From<&Document> for Schema {
    /// The sections that the description describes, by idstr, and instance id where that is not 0.
    fn from(document: &Document) -> Self {
        let devices = document.devices.iter().filter_map(|device| {
            let Body::State(state) = &device.body else { return None };
            let name = match device.instance_id {
                0 => device.name.to_string(),
                id => format!("{}:{id}", device.name),
            };
            Some((name, state.into()))
        });
        Self { machine: None, origin: Origin::Stream, devices: devices.collect() }
    }
}

/// Why a file could not be read as a schema.
#[derive(Debug)]
pub struct SchemaError {
    expected: &'static str,
    found: String,
}

impl SchemaError {
    pub(super) fn new(expected: &'static str, found: impl fmt::Display) -> Self {
        Self { expected, found: found.to_string() }
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for SchemaError {}
