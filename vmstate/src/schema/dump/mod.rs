//! What `qemu-system-... -dump-vmstate FILE` writes: the devices that a QEMU has, and what they save.
//!
//! [`Dump::parse`] and [`Dump::to_text`] are inverse to one another for QEMU's dumps. A dump says less than there is to
//! know: no types, no sizes on the wire (those in memory instead), no conditions, no subsections' conditions, and up to
//! QEMU 7.2 no lengths of arrays. [`Schema`](super::Schema) is the form that says all of it.
//!
//! ```
//! use vmstate::prelude::*;
//! use vmstate::schema::dump::Dump;
//! use vmstate::schema::{Release, Schema};
//!
//! #[derive(VmState)]
//! #[vmstate(name = "latch")]
//! struct Latch {
//!     levels: [u16; 4],
//! }
//!
//! let schema = Schema::from_devices("board-1.0", [("latch-device", Latch::DESCRIPTION)]);
//! let text = Dump::from_schema(&schema, Release::Qemu10_0).to_text();
//! assert_eq!(text, r#"{
//!   "vmschkmachine": {
//!     "Name": "board-1.0"
//!   },
//!   "latch-device": {
//!     "Name": "latch-device",
//!     "version_id": 1,
//!     "minimum_version_id": 1,
//!     "Description": {
//!       "name": "latch",
//!       "version_id": 1,
//!       "minimum_version_id": 1,
//!       "Fields": [
//!         {
//!           "field": "levels",
//!           "version_id": 0,
//!           "field_exists": false,
//!           "num": 4,
//!           "size": 2
//!         }
//!       ]
//!     }
//!   }
//! }
//! "#);
//! assert_eq!(Dump::parse(&text)?.to_text(), text);
//! # Ok::<(), vmstate::schema::SchemaError>(())
//! ```

use serde::{Deserialize, Serialize};

use super::SchemaError;
use super::entries::Entries;

mod checker;
mod dump_json;
mod to_shape;

pub use checker::{Checker, Findings};

/// The key under which a dump names its machine.
pub(super) const MACHINE: &str = "vmschkmachine";

/// A whole dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dump {
    /// The machine type, such as `pc-i440fx-7.2`.
    pub machine: String,
    /// The device types, in QEMU's order, which is none.
    pub devices: Vec<DeviceType>,
}

/// One type of device (QEMU: a QOM type).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceType {
    /// Its name, such as `isa-serial`.
    #[serde(rename = "Name")]
    pub name: String,
    /// The version of its description.
    pub version_id: i64,
    /// The minimum version of its description.
    pub minimum_version_id: i64,
    /// What it saves.
    #[serde(rename = "Description", default, skip_serializing_if = "Option::is_none")]
    pub description: Option<DumpDescription>,
}

/// What a device, struct or subsection saves (QEMU: `VMStateDescription`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpDescription {
    /// Its name.
    pub name: String,
    /// The version that is written.
    pub version_id: i64,
    /// The oldest version that is read.
    pub minimum_version_id: i64,
    /// Its fields. Devices that cannot be migrated have none.
    #[serde(rename = "Fields", default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<DumpField>>,
    /// Its subsections.
    #[serde(rename = "Subsections", default, skip_serializing_if = "Option::is_none")]
    pub subsections: Option<Vec<Self>>,
}

/// One field (QEMU: `VMStateField`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpField {
    /// Its name.
    pub field: String,
    /// The first version that has it.
    pub version_id: i64,
    /// Whether a predicate says if it is there.
    pub field_exists: bool,
    /// How many elements an array of fixed length has. QEMU 7.2 does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num: Option<u64>,
    /// The bytes of one element in QEMU's memory.
    pub size: u64,
    /// What is in a struct, or in the elements of a list or tree.
    #[serde(rename = "Description", default, skip_serializing_if = "Option::is_none")]
    pub description: Option<DumpDescription>,
}

impl Dump {
    /// Reads a dump. Keys that are not known are left out.
    ///
    /// # Errors
    /// When `text` is no JSON, or no dump.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let file: File = serde_json::from_str(text).map_err(|error| SchemaError::new("a dump of QEMU's", error))?;
        let devices = file.devices.0.into_iter().map(|(_, device)| device).collect();
        Ok(Self { machine: file.machine.name, devices })
    }

    /// The text that QEMU writes for this dump.
    #[must_use]
    pub fn to_text(&self) -> String {
        let devices = self.devices.iter().map(|device| (device.name.clone(), device.clone())).collect();
        let file = File { machine: Machine { name: self.machine.clone() }, devices: Entries(devices) };
        dump_json::to_json(&file)
    }

    /// The device type `name`.
    #[must_use]
    pub fn device(&self, name: &str) -> Option<&DeviceType> {
        self.devices.iter().find(|device| device.name == name)
    }
}

/// A dump as it stands in its file: everything in one object.
#[derive(Serialize, Deserialize)]
struct File {
    #[serde(rename = "vmschkmachine")]
    machine: Machine,
    #[serde(flatten)]
    devices: Entries<DeviceType>,
}

#[derive(Serialize, Deserialize)]
struct Machine {
    #[serde(rename = "Name")]
    name: String,
}
