//! Dumps of `qemu-system-... -dump-vmstate FILE`: the descriptions of all devices of a QEMU.
//!
//! [`Dump::parse`] and [`Dump::to_text`] are inverse to each other for QEMU's dumps. A dump lacks types, sizes on the
//! wire (it contains the sizes in memory), the conditions of subsections and, up to QEMU 7.2, the lengths of arrays.
//! [`Schema`](super::Schema) is the complete format.
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
//! let text = Dump::from_schema(&schema, Release::Qemu10_0).to_text()?;
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
//! assert_eq!(Dump::parse(&text)?.to_text()?, text);
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
    /// The device types, in QEMU's order, which is arbitrary.
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
    /// The description of its state.
    #[serde(rename = "Description", default, skip_serializing_if = "Option::is_none")]
    pub description: Option<DumpDescription>,
}

/// A device, struct or subsection (QEMU: `VMStateDescription`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpDescription {
    /// Its name.
    pub name: String,
    /// The version that is written.
    pub version_id: i64,
    /// The oldest version that is read.
    pub minimum_version_id: i64,
    /// Its fields. Devices that cannot be migrated have no fields.
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
    /// Set if a predicate decides whether the field is present.
    pub field_exists: bool,
    /// The length of an array of fixed length. QEMU 7.2 does not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num: Option<u64>,
    /// The bytes of one element in QEMU's memory.
    pub size: u64,
    /// The struct, or the struct of the elements of a list or tree.
    #[serde(rename = "Description", default, skip_serializing_if = "Option::is_none")]
    pub description: Option<DumpDescription>,
}

impl Dump {
    /// Reads a dump. Keys that are not known are left out.
    ///
    /// # Errors
    /// Returns an error if `text` is not JSON, or not a dump.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let file: File = serde_json::from_str(text).map_err(|error| SchemaError::new("a dump of QEMU's", error))?;
        let devices = file.devices.0.into_iter().map(|(_, device)| device).collect();
        Ok(Self { machine: file.machine.name, devices })
    }

    /// The text that QEMU writes for this dump.
    ///
    /// # Errors
    /// Returns an error if structs are nested too deeply to read the text again (about 40 levels).
    pub fn to_text(&self) -> Result<String, SchemaError> {
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

/// The file format of a dump: one object.
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
