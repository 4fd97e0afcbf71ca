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

/// Returns the name of a section without the path of its device on a bus, and without the instance id that [`Schema`]
/// appends: `e1000` for `0000:00:03.0/e1000` and for `e1000:1`.
///
/// QEMU puts the path in front (`vmstate_register_with_alias_id` in migration/savevm.c), but only for buses that have
/// paths, so definitions of devices do not contain it.
///
/// ```
/// use vmstate::schema::device_name;
///
/// assert_eq!(device_name("0000:00:03.0/e1000"), "e1000");
/// assert_eq!(device_name("serial:1"), "serial");
/// assert_eq!(device_name("timer"), "timer");
/// ```
#[must_use]
pub fn device_name(section: &str) -> &str {
    let name = section.rsplit_once('/').map_or(section, |(_, name)| name);
    match name.rsplit_once(':') {
        Some((name, id)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
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
