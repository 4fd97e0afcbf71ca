//! Options of a load.

#[cfg(feature = "schema")]
use std::sync::Arc;

use vmstate_types::{LoadError, Reader};

use crate::machine::rules::Rules;
#[cfg(feature = "schema")]
use crate::schema::vmdesc::Document;
use crate::stream::StreamReader;

/// When to read the JSON description, which may follow the end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Trailer {
    /// Reads the description if its first byte is buffered, and never waits for it.
    #[default]
    IfBuffered,
    /// Waits until the description has arrived or the source ends. A QEMU that sends a description fails if the receiver
    /// closes the connection before reading it.
    Required,
    /// Leaves the description unread.
    Ignore,
}

/// Options of a load.
///
/// ```
/// use vmstate::machine::{LoadOptions, Rules, Trailer, Unknown};
/// use vmstate::registry::Missing;
///
/// // From a QEMU on the other end of a socket, with a user-mode network that we lack, and perhaps without our RTC.
/// let options = LoadOptions::new()
///     .trailer(Trailer::Required)
///     .section("slirp", Rules::default().unknown(Unknown::Skip))
///     .section("rtc", Rules::default().missing(Missing::KeepState));
/// # drop(options);
/// ```
#[derive(Debug, Clone)]
pub struct LoadOptions {
    pub(super) rules: Rules,
    sections: Vec<(String, Rules)>,
    pub(super) rollback: bool,
    pub(super) immediate_post_load: bool,
    pub(super) ignore_machine_type: bool,
    pub(super) mapped_ram: bool,
    footers: Option<bool>,
    pub(super) header: bool,
    pub(super) trailer: Trailer,
    pub(super) read_on: bool,
    #[cfg(feature = "schema")]
    pub(super) description: Option<Arc<Document>>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            sections: Vec::new(),
            rollback: true,
            immediate_post_load: false,
            ignore_machine_type: false,
            mapped_ram: false,
            footers: None,
            header: true,
            trailer: Trailer::default(),
            read_on: false,
            #[cfg(feature = "schema")]
            description: None,
        }
    }
}

impl LoadOptions {
    /// The defaults: no section may be missing, unknown or duplicate, and a load that fails changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The behavior of QEMU: [`Rules::QEMU`], immediate `post_load` hooks, and no rollback.
    #[must_use]
    pub fn qemu_defaults() -> Self {
        Self::new().rules(Rules::QEMU).immediate_post_load().without_rollback()
    }

    /// Sets the rules for all sections.
    #[must_use]
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// Sets other rules for the sections of this name.
    #[must_use]
    pub fn section(mut self, name: impl Into<String>, rules: Rules) -> Self {
        self.sections.push((name.into(), rules));
        self
    }

    /// Loads without checkpoints: if the load fails, devices keep its changes.
    #[must_use]
    pub fn without_rollback(mut self) -> Self {
        self.rollback = false;
        self
    }

    /// Runs a section's own `post_load` as soon as the section is decoded, as QEMU does, and not after all sections.
    #[must_use]
    pub fn immediate_post_load(mut self) -> Self {
        self.immediate_post_load = true;
        self
    }

    /// Accepts the stream of a machine with another configuration, or with none.
    #[must_use]
    pub fn ignore_machine_type(mut self) -> Self {
        self.ignore_machine_type = true;
        self
    }

    /// Also accepts a file in which guest memory has fixed places (QEMU's capability `mapped-ram`), even if the machine's
    /// configuration lacks the capability. The reader must have the offsets of the file
    /// ([`Reader::from_file_at`]).
    #[must_use]
    pub fn mapped_ram(mut self) -> Self {
        self.mapped_ram = true;
        self
    }

    /// Requires a footer after each section. By default, the byte after the first section decides.
    #[must_use]
    pub fn with_footers(mut self) -> Self {
        self.footers = Some(true);
        self
    }

    /// Loads a stream whose sections have no footers. By default, the byte after the first section decides.
    #[must_use]
    pub fn without_footers(mut self) -> Self {
        self.footers = Some(false);
        self
    }

    /// Loads a stream that begins with its first section, such as a packaged one.
    #[must_use]
    pub fn without_header(mut self) -> Self {
        self.header = false;
        self
    }

    /// Sets when the description at the end is read.
    #[must_use]
    pub fn trailer(mut self, trailer: Trailer) -> Self {
        self.trailer = trailer;
        self
    }

    /// Reads on if the load fails, up to 64 MiB, to find the stream's description: errors then name the first field that
    /// differs.
    ///
    /// Set this for sources that cannot block, such as a decompressor over a file. It has no effect on slices and files,
    /// whose ends are searched anyway. A socket could block forever, because the peer may wait for an answer.
    #[must_use]
    pub fn read_on_after_error(mut self) -> Self {
        self.read_on = true;
        self
    }

    /// Sets the description of the stream, if it is known in advance: errors then name the first field that differs, even
    /// if the end of the stream cannot be read.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn description(mut self, description: impl Into<Arc<Document>>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Reads the header and the configuration of the stream in `reader`, as these options require it. Returns the stream
    /// for a [`LoadSession`](crate::machine::LoadSession).
    ///
    /// # Errors
    /// Returns an error if the bytes are not a migration stream of version 3, or the configuration is malformed.
    pub fn open<'r, 'a>(&self, reader: &'r mut Reader<'a>) -> Result<StreamReader<'r, 'a>, LoadError> {
        let stream = if self.header { StreamReader::new(reader)? } else { StreamReader::without_header(reader) };
        Ok(match self.footers {
            Some(footers) => stream.footers(footers),
            None => stream,
        })
    }

    /// Returns the rules that were set for the sections of this name.
    pub(super) fn own_rules(&self, name: &str) -> Option<Rules> {
        // The last setting of a name wins, as for any option.
        self.sections.iter().rev().find(|(other, _)| other == name).map(|(_, rules)| *rules)
    }

    pub(super) fn rules_of(&self, name: &str) -> Rules {
        self.own_rules(name).unwrap_or(self.rules)
    }
}
