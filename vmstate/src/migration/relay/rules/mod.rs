//! Rules for rewriting the devices of a relayed machine.

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod budget;
mod change;
mod constants;
mod example;
mod field;
mod generate;
mod layout;
mod machine;
mod older;
#[cfg(test)]
mod tests;
mod versions;

pub use generate::{RelayFinding, RelayFindingKind};
pub(super) use machine::{RewriteError, RewrittenEnd, missing_description, rewrite_end};

/// The longest file of rules.
const MAX_FILE: usize = 64 << 20;
/// The number of changes in a file, and of steps to a place in a device.
const MAX_CHANGES: usize = 4096;
const MAX_STEPS: usize = 16;
/// The only format.
const FORMAT: &str = "vmstate relay rules 1";

/// Rules for rewriting the devices of a relayed machine, so that releases exchange guests whose devices have equal contents
/// and different versions.
///
/// `vmstate check OLD NEW --relay-rules` [generates](Self::generate) them. Rules never lose state silently: a value that a
/// rule drops or narrows must have the content that the rule names, or the guest stays at the source.
///
/// ```
/// use vmstate::migration::relay::RelayRules;
///
/// let rules = RelayRules::parse(br#"{
///     "format": "vmstate relay rules 1",
///     "sections": [
///         {"name": "rtc", "from": 2, "to": 3, "changes": [
///             {"do": "convert", "field": "ticks", "type": "uint32"},
///             {"do": "drop", "field": "unused", "only": "00"}
///         ]}
///     ]
/// }"#)?;
/// assert_eq!(rules.sections[0].to, Some(3));
/// # Ok::<(), vmstate::migration::relay::RulesError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RelayRules {
    format: String,
    /// The machine types, if the destination has another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineRule>,
    /// The treatment of sections that are not listed.
    #[serde(default)]
    pub unlisted: Unlisted,
    /// The listed sections.
    pub sections: Vec<SectionRule>,
}

/// The machine types of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MachineRule {
    /// The machine type of the source.
    pub from: String,
    /// The machine type of the destination.
    pub to: String,
}

/// The treatment of sections that are not listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Unlisted {
    /// They are forwarded unchanged.
    #[default]
    Forward,
    /// The guest stays at the source.
    Reject,
}

/// The rule for the sections of a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SectionRule {
    /// The name, with or without the path of the device on its bus.
    pub name: String,
    /// The version that the source sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u32>,
    /// The version for the destination; the same if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u32>,
    /// The name for the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rename: Option<String>,
    /// Set if the destination does not have the device.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drop: bool,
    /// The changes to the content, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// A change to the content of a section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// The place: names of subsections, and of fields whose structs are changed, from the outside. All elements of an
    /// array are changed.
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<String>,
    /// The change.
    #[serde(flatten)]
    pub action: Action,
}

/// A kind of change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Action {
    /// Drops a field.
    Drop {
        /// The field.
        field: String,
        /// The bytes that it must have, in hexadecimal; any if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<String>,
    },
    /// Changes the type of an integer or flag, or of an array of them. Values must be in the range of the new type.
    Convert {
        /// The field.
        field: String,
        /// QEMU's name of the new type, such as `uint32`.
        #[serde(rename = "type")]
        type_name: String,
    },
    /// Changes the length of an array or buffer. New elements are zero, and dropped ones must be.
    Resize {
        /// The field.
        field: String,
        /// The number of elements, or bytes.
        count: u64,
    },
    /// Moves a field.
    Move {
        /// The field.
        field: String,
        /// The field before the new place; none at the beginning.
        after: Option<String>,
    },
    /// Renames a field. Names are not sent, so this changes only the description.
    Rename {
        /// The field.
        field: String,
        /// The new name.
        to: String,
    },
    /// Inserts a field.
    Insert {
        /// The field's entries in QEMU's description.
        fields: Vec<Value>,
        /// Its bytes, in hexadecimal.
        bytes: String,
        /// The field before it; none at the beginning.
        after: Option<String>,
    },
    /// Sets the version of the struct or subsection.
    Version {
        /// The version.
        version: u32,
    },
    /// Drops a subsection, if it is present.
    DropSubsection {
        /// Its name.
        subsection: String,
    },
}

/// The reason for which rules are invalid, or cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RulesError(String);

impl RulesError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    fn within(self, place: &str) -> Self {
        Self(format!("`{place}`: {}", self.0))
    }
}

impl RelayRules {
    fn of_sections(sections: Vec<SectionRule>) -> Self {
        Self { format: FORMAT.to_owned(), machine: None, unlisted: Unlisted::Forward, sections }
    }

    /// Reads a file of rules.
    ///
    /// # Errors
    /// Returns an error if it is not valid, larger than 64 MiB, or has more than 4096 changes.
    pub fn parse(text: &[u8]) -> Result<Self, RulesError> {
        if text.len() > MAX_FILE {
            return Err(RulesError::new(format!("expected at most {MAX_FILE} bytes of rules, found {}", text.len())));
        }
        let rules: Self = serde_json::from_slice(text).map_err(|error| RulesError::new(error.to_string()))?;
        if rules.format != FORMAT {
            return Err(RulesError::new(format!("expected the format `{FORMAT}`, found {:?}", rules.format)));
        }
        rules.check()?;
        Ok(rules)
    }

    fn check(&self) -> Result<(), RulesError> {
        let changes: usize = self.sections.iter().map(|section| 1 + section.changes.len()).sum();
        if changes > MAX_CHANGES {
            return Err(RulesError::new(format!("expected at most {MAX_CHANGES} changes, found {changes}")));
        }
        for (index, section) in self.sections.iter().enumerate() {
            section.check().map_err(|error| error.within(&section.name))?;
            if self.sections.iter().take(index).any(|other| other.name == section.name) {
                return Err(RulesError::new(format!("duplicate section {:?}", section.name)));
            }
        }
        Ok(())
    }

    /// Writes the rules as a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Cannot fail: all keys are text.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Returns the rule for a section of this name.
    pub(super) fn find(&self, name: &str) -> Option<&SectionRule> {
        let device = crate::schema::device_name(name);
        let named = |wanted: &str| self.sections.iter().find(|rule| rule.name == wanted);
        named(name).or_else(|| named(device))
    }

    /// Checks a live section, which is forwarded before the rest is known.
    ///
    /// # Errors
    /// Returns an error if the rules change it, or reject sections that are not listed.
    pub(super) fn check_live(&self, name: &str, version: u32) -> Result<(), RulesError> {
        match self.find(name) {
            Some(rule) if rule.changes_anything() => {
                Err(RulesError::new("a section that is sent while the guest runs cannot be changed").within(name))
            }
            Some(rule) => rule.check_version(version).map_err(|error| error.within(name)),
            None => self.check_unlisted(name),
        }
    }

    fn check_unlisted(&self, name: &str) -> Result<(), RulesError> {
        match self.unlisted {
            Unlisted::Forward => Ok(()),
            Unlisted::Reject => Err(RulesError::new("the section is not listed; add it to the rules").within(name)),
        }
    }

    /// Returns the machine type for the destination.
    ///
    /// # Errors
    /// Returns an error if the source has another machine type than the rules.
    pub(super) fn machine(&self, machine: &str) -> Result<Option<&str>, RulesError> {
        match &self.machine {
            None => Ok(None),
            Some(rule) if rule.from == machine => Ok((rule.to != rule.from).then_some(rule.to.as_str())),
            Some(rule) => Err(RulesError::new(format!("expected the machine type `{}`, found {machine:?}", rule.from))),
        }
    }
}

impl SectionRule {
    fn new(name: &str, from: u32) -> Self {
        Self { name: name.to_owned(), from: Some(from), to: None, rename: None, drop: false, changes: Vec::new() }
    }

    fn check(&self) -> Result<(), RulesError> {
        let name = |name: &String| name.is_empty() || name.len() > usize::from(u8::MAX);
        if name(&self.name) || self.rename.as_ref().is_some_and(name) {
            return Err(RulesError::new("expected a name of 1 to 255 bytes"));
        }
        for change in &self.changes {
            if change.within.len() > MAX_STEPS {
                return Err(RulesError::new(format!("expected at most {MAX_STEPS} steps to a place")));
            }
            change.check()?;
        }
        Ok(())
    }

    fn changes_anything(&self) -> bool {
        let renames = self.rename.is_some() || self.drop || !self.changes.is_empty();
        renames || self.to.is_some_and(|to| Some(to) != self.from)
    }

    fn check_version(&self, found: u32) -> Result<(), RulesError> {
        match self.from {
            Some(from) if from != found => {
                Err(RulesError::new(format!("expected version {from}, found {found}; generate rules for this release")))
            }
            _ => Ok(()),
        }
    }
}
