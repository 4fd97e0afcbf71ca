//! Sections that nobody has registered, and registered ones that have not come.

use vmstate_types::{LoadError, Reader};

use super::load::{Load, Received};
use super::pass_through::{self, PassThrough};
use super::policy::Unknown;
use crate::registry::{Handle, Missing, SectionHandler, Threading};
use crate::section::LiveSection;
use crate::stream::{SectionHeader, SectionKind};

impl<T: Threading> Load<'_, '_, '_, T> {
    /// Does what the rules say about a section that nobody has registered.
    pub(super) fn unknown(&mut self, header: &SectionHeader, payload: &mut Reader<'_>) -> Result<(), LoadError> {
        match self.options.rules_of(&header.name).unknown {
            Unknown::Reject => return Err(self.nobody(header)),
            Unknown::Skip => pass_through::skip(header, payload)?,
            Unknown::PassThrough if header.kind == SectionKind::Full => {
                self.kept.push(PassThrough::read(header, payload)?);
            }
            Unknown::PassThrough => {
                return Err(LoadError::incompatible("a section that comes whole, to be kept", "a live one")
                    .at_offset(header.offset)
                    .or_advice(
                        "live sections cannot be kept: register it (guest memory with `Machine::register_ram`), or have it \
                         passed over (`Rules::unknown`, `Unknown::Skip`)",
                    ));
            }
        }
        if header.kind.is_named() {
            self.loaded.unknown.push((header.name.clone(), header.instance_id));
        }
        Ok(())
    }

    /// The error for a section that nobody has registered.
    fn nobody(&self, header: &SectionHeader) -> LoadError {
        let SectionHeader { name, instance_id, .. } = header;
        let others = self.machine.registry.entries.iter().filter(|entry| entry.header.name == *name);
        let others: Vec<_> = others.map(|entry| entry.header.instance_id.to_string()).collect();
        let expected = match others.is_empty() {
            true => "a section that is registered".to_owned(),
            false => format!("instance {} of \"{}\"", others.join(" or "), name.escape_debug()),
        };
        LoadError::incompatible(expected, format!("\"{}\", instance {instance_id}", name.escape_debug()))
            .at_offset(header.offset)
            .or_advice("register the device, or have the section passed over or kept (`Rules::unknown`)")
            .with_qemu_message(format!(
                "Unknown savevm section or instance '{name}' {instance_id}. Make sure that your current VM setup \
                 matches your saved VM setup, including any hotplugged devices"
            ))
    }

    /// Looks for sections that have not come.
    pub(super) fn check_complete(&mut self, end: u64) -> Result<(), LoadError> {
        for index in 0..self.machine.registry.entries.len() {
            if self.received[index] != Received::All {
                self.missing(index).map_err(|error| error.at_offset(end))?;
            }
        }
        Ok(())
    }

    fn missing(&mut self, index: usize) -> Result<(), LoadError> {
        let entry = &mut self.machine.registry.entries[index];
        let missing = match (self.options.own_rules(&entry.header.name), entry.missing) {
            (Some(rules), _) => rules.missing,
            (None, Some(own)) => own,
            (None, None) => self.options.rules.missing,
        };
        let expected = match &mut entry.handler {
            SectionHandler::Live(live) => live.is_active(),
            SectionHandler::Device(_) => entry.description.is_some_and(|description| !description.conditional),
            SectionHandler::Raw(_) => true,
        };
        if self.received[index] == Received::Nothing {
            self.loaded.missing.push((entry.header.name.clone(), entry.header.instance_id));
            if self.options.undo {
                self.checkpoints.copy(index, entry)?;
            }
            if let SectionHandler::Device(handle) = &mut entry.handler
                && handle.reset().map_err(|why| LoadError::misuse("a device that can be used", why))?
            {
                return Ok(());
            }
        }
        if !expected || missing == Missing::KeepState {
            return Ok(());
        }
        let found =
            if self.received[index] == Received::Started { "only parts of it" } else { "the end of the stream" };
        Err(LoadError::incompatible(format!("the section {}", entry.title()), found)
            .or_advice("the other side lacks the device or has it under another name; `Rules::missing` allows it"))
    }
}
