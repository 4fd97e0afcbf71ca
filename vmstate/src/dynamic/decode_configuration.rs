//! Decodes the configuration as if it were a section.

use vmstate_types::{LoadError, Reader, Writer};

use super::DecodedSection;
use crate::schema::describe_configuration;
use crate::schema::vmdesc::{SentBody, SentSection};
use crate::stream::{Configuration, StreamWriter};

/// The number of bytes before the configuration: the stream's header and a tag.
const HEADER: u64 = 8 + 1;

impl DecodedSection {
    /// Decodes the fields of a stream's configuration, with their offsets in the stream.
    ///
    /// The configuration is not a section: it has no section header and no footer, and QEMU describes it only since
    /// 10.0.
    ///
    /// ```
    /// use vmstate::dynamic::DecodedSection;
    /// use vmstate::stream::Configuration;
    ///
    /// let section = DecodedSection::from_configuration(&Configuration::new("none"))?;
    /// let name = section.get("name").unwrap();
    /// assert_eq!((name.offset, name.item.to_string().as_str()), (13, "4 bytes, \"none\""));
    /// # Ok::<(), vmstate::LoadError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the configuration cannot be written, because a name in it is too long.
    pub fn from_configuration(configuration: &Configuration) -> Result<Self, LoadError> {
        let mut out = Writer::new();
        let mut stream = StreamWriter::new(&mut out);
        stream.header();
        stream.configuration(configuration);
        let mut reader = Reader::from_slice(out.pending());
        reader.skip(HEADER)?;
        let body = SentBody::State(describe_configuration(configuration));
        let device = SentSection { name: "configuration".into(), instance_id: 0, body };
        Self::decode(&device, &mut reader, Some(out.offset()))
    }
}
