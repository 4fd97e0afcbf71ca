//! Parsing of schemas in any format.

use std::fmt;

use serde::de::IgnoredAny;

use super::dump::{self, Dump};
use super::entries::Entries;
use super::vmdesc::Document;
use super::{Schema, SchemaError, file};

impl Schema {
    /// Parses a schema in any JSON format: a file of this library, a dump of QEMU's (`-dump-vmstate`), or the
    /// description
    /// of a stream. The keys of the outermost object tell them apart.
    ///
    /// # Errors
    /// Returns an error if the text is in none of these formats, or malformed.
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
