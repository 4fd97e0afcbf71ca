//! The configuration section: the machine type, and the capabilities that both sides must have.
//!
//! QEMU describes it like a device (`vmstate_configuration` in `migration/savevm.c`), but sends no version.

use vmstate_types::error::LoadErrorKind;
use vmstate_types::{LoadError, Writer};

use super::decode::{Context, Cursor, Stop, not_utf8};
use super::tag;

/// The maximum number of capabilities. QEMU 10.0 has 22, and sends at most two of them.
const MAX_CAPABILITIES: u32 = 256;
const PAGE_BITS: &str = "configuration/target-page-bits";
const CAPABILITIES: &str = "configuration/capabilities";
const UUID: &str = "configuration/uuid";
/// The version of all three subsections.
const SUBSECTION_VERSION: u32 = 1;

/// The configuration of the machine that wrote a stream, which must match the configuration of the loading machine.
///
/// ```
/// use vmstate::Writer;
/// use vmstate::stream::{Configuration, StreamWriter};
///
/// let mut configuration = Configuration::new("pc-i440fx-7.2");
/// configuration.capabilities = Some(vec!["x-ignore-shared".to_owned()]);
/// let mut out = Writer::new();
/// StreamWriter::new(&mut out).configuration(&configuration);
/// assert!(out.pending().starts_with(b"\x07\0\0\0\x0dpc-i440fx-7.2\x05\x1aconfiguration/capabilities"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Configuration {
    /// The machine type, such as `pc-i440fx-7.2`.
    pub machine: String,
    /// The binary logarithm of the target page size, for targets with several sizes unless it is the smallest one.
    pub target_page_bits: Option<u32>,
    /// The names of the migration capabilities that must be enabled on both sides.
    pub capabilities: Option<Vec<String>>,
    /// The UUID of the virtual machine, if the destination must compare it (capability `validate-uuid`).
    pub uuid: Option<[u8; 16]>,
}

impl Configuration {
    /// Creates the configuration of a machine of type `machine`, without optional parts.
    #[must_use]
    pub fn new(machine: impl Into<String>) -> Self {
        Self { machine: machine.into(), ..Self::default() }
    }

    /// Parses the section after its tag.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Stop> {
        let length = cursor.u32()?;
        let start = cursor.offset();
        let in_name = |error: LoadError| error.in_field("name");
        let name = cursor.take(usize::try_from(length).unwrap_or(usize::MAX)).context(in_name)?;
        let machine =
            std::str::from_utf8(name).map_err(|_| in_name(not_utf8("a machine name", name).at_offset(start)))?;
        let mut configuration = Self::new(machine);
        while cursor.peek()? == Some(tag::SUBSECTION) {
            configuration.parse_subsection(cursor)?;
        }
        Ok(configuration)
    }

    fn parse_subsection(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let start = cursor.offset();
        cursor.u8()?;
        let name = cursor.counted_str()?;
        let version = cursor.u32()?;
        if version != SUBSECTION_VERSION {
            return Err(unknown(name, version).at_offset(start).into());
        }
        let repeated = match name {
            PAGE_BITS => self.target_page_bits.replace(cursor.u32()?).is_some(),
            UUID => self.uuid.replace(cursor.array()?).is_some(),
            CAPABILITIES => self.capabilities.replace(parse_capabilities(cursor)?).is_some(),
            _ => return Err(unknown(name, version).at_offset(start).into()),
        };
        if repeated {
            return Err(LoadError::malformed("distinct subsections", format!("duplicate subsection {name:?}"))
                .at_offset(start)
                .into());
        }
        Ok(())
    }

    /// Writes the section with its tag.
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

fn parse_capabilities(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Stop> {
    let in_capabilities = |error: LoadError| error.in_field("capabilities");
    let start = cursor.offset();
    let count = cursor.u32()?;
    if count > MAX_CAPABILITIES {
        let expected = format!("at most {MAX_CAPABILITIES} capabilities");
        return Err(in_capabilities(LoadError::malformed(expected, count).at_offset(start)).into());
    }
    // The vector grows with the names that arrive, not by the count: the count is untrusted.
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(cursor.counted_str().context(in_capabilities)?.to_owned());
    }
    Ok(names)
}

fn unknown(name: &str, version: u32) -> LoadError {
    let expected = format!("`{PAGE_BITS}`, `{CAPABILITIES}` or `{UUID}`, version {SUBSECTION_VERSION}");
    LoadError::new(LoadErrorKind::Subsection, expected, format!("{name:?}, version {version}"))
}

fn begin_subsection(out: &mut Writer, name: &str) {
    out.u8(tag::SUBSECTION);
    out.counted_str(name);
    out.u32(SUBSECTION_VERSION);
}
