//! Rewriting of a stream by rules: its header, and the devices with their description.

use super::error::{RelayError, unsupported};
use super::rules::{RelayRules, RewriteError, RewrittenEnd, rewrite_end};
use crate::Writer;
use crate::stream::{Configuration, SectionHeader, SectionKind, StreamWriter};

/// The state of rewriting.
#[derive(Debug)]
pub(super) struct Rewriting {
    rules: RelayRules,
    /// The header and the configuration of the source.
    header: Vec<u8>,
    /// The configuration for the destination, if it is another one.
    configuration: Option<Configuration>,
    /// Memory was sent completely, so the devices follow.
    has_memory: bool,
    /// The devices are held back until their description has arrived.
    is_collecting: bool,
}

impl Rewriting {
    pub(super) fn new(rules: RelayRules) -> Self {
        Self { rules, header: Vec::new(), configuration: None, has_memory: false, is_collecting: false }
    }

    /// Returns whether the stream is held back.
    pub(super) fn is_collecting(&self) -> bool {
        self.is_collecting
    }

    /// Returns the header for the destination, if it is another one.
    pub(super) fn header(
        &mut self,
        header: &[u8],
        configuration: Option<&Configuration>,
    ) -> Result<Option<Vec<u8>>, RelayError> {
        self.header = header.to_vec();
        let Some(configuration) = configuration else { return Ok(None) };
        let machine = self.rules.machine(&configuration.machine).map_err(RelayError::Rules)?;
        let Some(machine) = machine else { return Ok(None) };
        let configuration = Configuration { machine: machine.to_owned(), ..configuration.clone() };
        let mut out = Writer::new();
        let mut stream = StreamWriter::new(&mut out);
        stream.header();
        stream.configuration(&configuration);
        self.configuration = Some(configuration);
        Ok(Some(out.take()))
    }

    /// Checks a section, and begins to hold devices back.
    pub(super) fn section(&mut self, section: &SectionHeader) -> Result<(), RelayError> {
        match section.kind {
            SectionKind::Full if self.has_memory => self.is_collecting = true,
            _ if self.is_collecting => return Err(unsupported("a section of memory after devices, with rules,")),
            SectionKind::End => self.has_memory = true,
            SectionKind::Start | SectionKind::Full => {
                self.rules.check_live(&section.name, section.version).map_err(RelayError::Rules)?;
            }
            SectionKind::Part => {}
        }
        Ok(())
    }

    /// Rewrites the devices and the end of the stream, if they are held back.
    pub(super) fn end(&mut self, end: &[u8]) -> Result<Option<RewrittenEnd>, RelayError> {
        if !self.is_collecting {
            return Ok(None);
        }
        self.is_collecting = false;
        let rewritten = rewrite_end(&self.rules, &self.header, end, self.configuration.as_ref());
        rewritten.map(Some).map_err(|error| match error {
            RewriteError::Stream(error) => RelayError::Source(error),
            RewriteError::Rules(error) => RelayError::Rules(error),
        })
    }
}
