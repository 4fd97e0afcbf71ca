//! The configuration section: which machine the stream is of.
//!
//! It is a description like a device's, but its version is not on the wire. (QEMU: `vmstate_configuration` in
//! `migration/savevm.c`.)

use vmstate_types::{LoadError, Reader, Writer};

use super::tag;

/// Capabilities that there can be. QEMU 10.0 has 22, and says two of them.
const MAX_CAPABILITIES: u32 = 256;
const PAGE_BITS: &str = "configuration/target-page-bits";
const CAPABILITIES: &str = "configuration/capabilities";
const UUID: &str = "configuration/uuid";
/// The version of all three subsections.
const SUBSECTION_VERSION: u32 = 1;

/// The machine that a stream is of, and what it must have in common with the one that loads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Configuration {
    /// The machine type, such as `pc-i440fx-7.2`.
    pub machine: String,
    /// The size of target pages as a power of two, where the target has several and it is not the smallest.
    pub target_page_bits: Option<u32>,
    /// The names of the migration capabilities that both sides must have on.
    pub capabilities: Option<Vec<String>>,
    /// The virtual machine's UUID, if it shall be compared.
    pub uuid: Option<[u8; 16]>,
}

impl Configuration {
    /// The configuration of a machine of type `machine` with nothing else said.
    #[must_use]
    pub fn new(machine: impl Into<String>) -> Self {
        Self { machine: machine.into(), ..Self::default() }
    }

    /// Reads the section after its tag.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, LoadError> {
        let length = reader.u32()?;
        let start = reader.offset();
        let name =
            reader.take(usize::try_from(length).unwrap_or(usize::MAX)).map_err(|error| error.in_field("name"))?;
        let mut configuration = match std::str::from_utf8(name) {
            Ok(machine) => Self::new(machine),
            Err(_) => {
                let found = format!("\"{}\"", name.escape_ascii());
                return Err(LoadError::malformed("a machine name in UTF-8", found).at_offset(start).in_field("name"));
            }
        };
        while reader.peek(1)? == [tag::SUBSECTION] {
            configuration.read_subsection(reader)?;
        }
        Ok(configuration)
    }

    fn read_subsection(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let start = reader.offset();
        reader.skip(1)?;
        let name = reader.counted_str()?;
        let version = reader.u32()?;
        let known = [PAGE_BITS, CAPABILITIES, UUID].contains(&name.as_str());
        if !known || version != SUBSECTION_VERSION {
            let expected = format!("`{PAGE_BITS}`, `{CAPABILITIES}` or `{UUID}`, version {SUBSECTION_VERSION}");
            return Err(LoadError::incompatible(expected, format!("{name:?}, version {version}")).at_offset(start));
        }
        let repeated = match name.as_str() {
            PAGE_BITS => self.target_page_bits.replace(reader.u32()?).is_some(),
            UUID => self.uuid.replace(reader.array()?).is_some(),
            _ => self.capabilities.replace(read_capabilities(reader)?).is_some(),
        };
        match repeated {
            true => Err(LoadError::malformed("each subsection once", format!("{name:?} again")).at_offset(start)),
            false => Ok(()),
        }
    }

    /// Writes the section, its tag included.
    pub(super) fn write(&self, out: &mut Writer) {
        out.u8(tag::CONFIGURATION);
        out.u32(u32::try_from(self.machine.len()).unwrap_or(u32::MAX));
        out.bytes(self.machine.as_bytes());
        if let Some(bits) = self.target_page_bits {
            begin_subsection(out, PAGE_BITS);
            out.u32(bits);
        }
        if let Some(capabilities) = &self.capabilities {
            begin_subsection(out, CAPABILITIES);
            out.u32(u32::try_from(capabilities.len()).unwrap_or(u32::MAX));
            capabilities.iter().for_each(|name| out.counted_str(name));
        }
        if let Some(uuid) = &self.uuid {
            begin_subsection(out, UUID);
            out.bytes(uuid);
        }
    }
}

fn read_capabilities(reader: &mut Reader<'_>) -> Result<Vec<String>, LoadError> {
    let start = reader.offset();
    let count = reader.u32()?;
    if count > MAX_CAPABILITIES {
        let expected = format!("at most {MAX_CAPABILITIES} capabilities");
        return Err(LoadError::malformed(expected, count).at_offset(start).in_field("capabilities"));
    }
    // No memory is set aside for what has not come.
    (0..count)
        .map(|_| reader.counted_str())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.in_field("capabilities"))
}

fn begin_subsection(out: &mut Writer, name: &str) {
    out.u8(tag::SUBSECTION);
    out.counted_str(name);
    out.u32(SUBSECTION_VERSION);
}
