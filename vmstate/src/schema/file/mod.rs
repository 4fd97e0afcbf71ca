//! The files of this library: shapes with all that is known about them, as JSON that people can review.
//!
//! `vmstate/docs/schema.md` documents the format. A file contains its format version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::shape::Shape;
use super::{Origin, Schema, SchemaError};

mod file_model;
mod line_layout;

/// The format's version, which files begin with. It is raised when older releases could misread a file.
pub const FORMAT: u32 = 1;

/// The key of the format version.
pub(super) const FORMAT_KEY: &str = "vmstate-schema";

/// The file format of a schema.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "vmstate-schema")]
    format: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    machine: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<FileOrigin>,
    devices: BTreeMap<String, file_model::Struct>,
}

/// The source of a schema; absent for devices of this library.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileOrigin {
    Dump,
    Stream,
}

/// The part of a file that is parsed before its format version is known.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "vmstate-schema")]
    format: u32,
}

impl Schema {
    /// Reads a file that [`to_text`](Self::to_text) wrote.
    ///
    /// ```
    /// use vmstate::schema::Schema;
    ///
    /// let error = Schema::from_text(r#"{"vmstate-schema": 2, "devices": {}}"#).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "expected a schema in format 1, found format 2, which needs a newer release of vmstate"
    /// );
    /// ```
    ///
    /// # Errors
    /// Returns an error if the text is not a schema, has a newer format, or contains an unknown key.
    pub fn from_text(text: &str) -> Result<Self, SchemaError> {
        let unreadable = |error: serde_json::Error| SchemaError::new("a schema", error);
        let head: Head = serde_json::from_str(text).map_err(unreadable)?;
        if head.format != FORMAT {
            let newer = format!("format {}, which needs a newer release of vmstate", head.format);
            return Err(SchemaError::new("a schema in format 1", newer));
        }
        let file: File = serde_json::from_str(text).map_err(unreadable)?;
        let origin = match file.origin {
            None => Origin::Devices,
            Some(FileOrigin::Dump) => Origin::Dump,
            Some(FileOrigin::Stream) => Origin::Stream,
        };
        let mut devices = BTreeMap::new();
        for (name, device) in file.devices {
            devices.insert(name, device.into_device(origin == Origin::Stream)?);
        }
        Ok(Self { machine: file.machine, origin, devices })
    }

    /// The text of a file with all that is known: the same for the same shapes, devices by name, a field a line.
    ///
    /// ```
    /// use vmstate::prelude::*;
    /// use vmstate::schema::Schema;
    ///
    /// #[derive(VmState)]
    /// #[vmstate(name = "fifo", version = 2, post_load = Self::check)]
    /// struct Fifo {
    ///     head: u8,
    ///     #[vmstate(since = 2)]
    ///     count: u32,
    ///     #[vmstate(len = count, max = 16)]
    ///     data: Vec<u16>,
    /// }
    /// # impl Fifo { fn check(&mut self) -> Result<(), &'static str> { Ok(()) } }
    ///
    /// let schema = Schema::from_devices(None, [("fifo", Fifo::DESCRIPTION)]);
    /// assert_eq!(schema.to_text()?, r#"{
    ///   "vmstate-schema": 1,
    ///   "devices": {
    ///     "fifo": {
    ///       "name": "fifo",
    ///       "version": 2,
    ///       "minimum_version": 1,
    ///       "hooks": ["post_load"],
    ///       "fields": [
    ///         {"name": "head", "type": "uint8", "size": 1},
    ///         {"name": "count", "type": "uint32", "size": 4, "since": 2},
    ///         {"name": "data", "type": "uint16", "size": 2, "count": {"from": "count", "max": 16}}
    ///       ]
    ///     }
    ///   }
    /// }
    /// "#);
    /// assert_eq!(Schema::from_text(&schema.to_text()?)?, schema);
    /// # Ok::<(), vmstate::schema::SchemaError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if structs are nested too deeply to read the text again (about 30 levels).
    pub fn to_text(&self) -> Result<String, SchemaError> {
        let origin = match self.origin {
            Origin::Devices => None,
            Origin::Dump => Some(FileOrigin::Dump),
            Origin::Stream => Some(FileOrigin::Stream),
        };
        let device = |(name, shape): (&String, &Shape)| (name.clone(), shape.into());
        let devices = self.devices.iter().map(device).collect();
        line_layout::text(&File { format: FORMAT, machine: self.machine.clone(), origin, devices })
    }
}
