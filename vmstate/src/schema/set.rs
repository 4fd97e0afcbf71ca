//! The devices of one program, machine or stream.

use std::collections::BTreeMap;

use vmstate_types::Description;

use super::shape::Shape;
use super::vmdesc::{Document, SentBody};

/// The shapes of some devices, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The machine that they belong to, where that is known.
    pub machine: Option<String>,
    /// The source of the devices.
    pub origin: Origin,
    /// The devices, by the names of their sections or of their types, depending on the source.
    pub devices: BTreeMap<String, Shape>,
}

/// The source of a schema, which determines its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// Devices of this library, or a file with them: all there is to know.
    Devices,
    /// A dump of QEMU's: no types, no conditions of subsections, and no saving at older versions.
    Dump,
    /// A stream: only the fields that were sent.
    Stream,
}

impl Schema {
    /// The devices of a program, under these names.
    pub fn from_devices<'a>(
        machine: impl Into<Option<&'a str>>,
        devices: impl IntoIterator<Item = (&'a str, &'a Description)>,
    ) -> Self {
        let devices = devices.into_iter().map(|(name, device)| (name.to_owned(), device.into()));
        Self { machine: machine.into().map(str::to_owned), origin: Origin::Devices, devices: devices.collect() }
    }
}

impl From<&Document> for Schema {
    /// The sections that the description describes, by idstr, and instance id where that is not 0.
    fn from(document: &Document) -> Self {
        let devices = document.devices.iter().filter_map(|device| {
            let SentBody::State(state) = &device.body else { return None };
            let name = match device.instance_id {
                0 => device.name.to_string(),
                id => format!("{}:{id}", device.name),
            };
            Some((name, state.into()))
        });
        Self { machine: None, origin: Origin::Stream, devices: devices.collect() }
    }
}
