//! Rules for comparing two schemas, with their names, severities and texts.

mod explanations;

use std::fmt;

use self::explanations::{RULES, Text};

/// A kind of difference between two shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The reader expects a field that the writer does not send.
    Missing,
    /// The writer sends a field that the reader does not expect.
    Extra,
    /// The reader expects a conditional field that the writer never sends.
    ConditionalMissing,
    /// The writer sends a conditional field that the reader never expects.
    ConditionalExtra,
    /// A field is conditional on one side only.
    Condition,
    /// Fields have different orders.
    Order,
    /// The type of a field differs.
    Type,
    /// The size of a field differs.
    Size,
    /// The length of an array differs.
    Count,
    /// The length of an array comes from another field.
    CountSource,
    /// Two streams have different numbers of elements.
    SentCount,
    /// The reader's limit for elements is lower than the writer's.
    Limit,
    /// The encoding of nullable pointers differs.
    Pointers,
    /// A field is a struct, list or tree on one side only.
    Nesting,
    /// A number is signed on one side only.
    Sign,
    /// The type of a field differs, but not its size.
    Meaning,
    /// A value is newly checked on load.
    Check,
    /// The version of a section is newer than the reader's version.
    VersionTooNew,
    /// The version of a section is older than the reader's minimum version.
    VersionTooOld,
    /// The version was raised, and the section can be saved at the older version.
    VersionRaised,
    /// Older versions of a section are no longer supported.
    MinimumRaised,
    /// The version of a nested struct differs.
    NestedVersion,
    /// A subsection of older streams was removed.
    SubsectionRemoved,
    /// An optional subsection of older streams was removed; its condition is unknown.
    SubsectionGone,
    /// A subsection that older readers do not know may be sent.
    SubsectionAdded,
    /// A subsection that the reader does not know is always sent.
    SubsectionAlways,
    /// A required subsection is not sent, or not always.
    SubsectionRequired,
    /// A device exists on one side only.
    Device,
    /// The name of a section differs.
    DeviceName,
    /// A section is conditional on one side only.
    SectionCondition,
    /// The position of a section differs.
    Place,
    /// A migratable device became unmigratable.
    Unmigratable,
    /// The machine types of the dumps differ.
    Machine,
    /// The name of a field differs.
    Renamed,
    /// Bytes are unused on one side only.
    Unused,
    /// The same bytes are one field on one side and several on the other.
    Regrouped,
    /// The hooks differ.
    Hooks,
}

/// The severity of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// A compatible difference.
    Note,
    /// The result depends on a property that shapes do not contain: a condition, a value, a meaning.
    Risk,
    /// Streams do not load, or are misread.
    Break,
}

impl Severity {
    /// Returns the name: `note`, `risk` or `break`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Risk => "risk",
            Self::Break => "break",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Rule {
    /// Returns all rules: first the breaks, then the risks, then the notes.
    pub fn all() -> impl Iterator<Item = Self> {
        RULES.iter().map(|text| text.rule)
    }

    /// Returns the rule with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        RULES.iter().find(|text| text.name == name).map(|text| text.rule)
    }

    /// Returns the name, as in `vmstate check --explain NAME`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.text().name
    }

    /// Returns the severity of its findings.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.text().severity
    }

    /// Returns a summary in one line.
    #[must_use]
    pub fn summary(self) -> &'static str {
        self.text().summary
    }

    /// Returns the effect on the wire, which justifies the severity.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        self.text().explanation
    }

    /// Returns a safe change, or a property to check.
    #[must_use]
    pub fn advice(self) -> &'static str {
        self.text().advice
    }

    fn text(self) -> &'static Text {
        // A test makes sure that each rule has its text.
        RULES.iter().find(|text| text.rule == self).unwrap_or(&RULES[0])
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_text_and_a_unique_name() {
        // The last rule of the declaration, so that one without a text is found.
        let declared = Rule::Hooks as usize + 1;
        let mut rules: Vec<_> = Rule::all().collect();
        rules.sort_unstable();
        rules.dedup();
        assert_eq!(rules.len(), declared);
        assert_eq!(RULES.len(), declared);
        for rule in Rule::all() {
            assert_eq!(Rule::named(rule.name()), Some(rule));
        }
        assert!(RULES.is_sorted_by_key(|text| std::cmp::Reverse(text.severity)));
    }
}
