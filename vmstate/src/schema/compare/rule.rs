//! The rules, each with its name, its severity, and what it is about.

mod text;

use std::fmt;

use self::text::{RULES, Text};

/// What is wrong, or worth knowing, about two shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// A field is read that is not written.
    Missing,
    /// A field is written that is not read.
    Extra,
    /// A field is read under a condition, and never written.
    ConditionalMissing,
    /// A field is written under a condition, and never read.
    ConditionalExtra,
    /// A field is always there on one side only.
    Condition,
    /// Fields are read in another order.
    Order,
    /// A value is read as another type.
    Type,
    /// A value has another size.
    Size,
    /// An array has another length.
    Count,
    /// The length of an array comes from elsewhere.
    CountSource,
    /// Two streams have different numbers of elements.
    SentCount,
    /// Fewer elements are accepted.
    Limit,
    /// Pointers are marked in another way.
    Pointers,
    /// A value is a struct, list or tree on one side only.
    Nesting,
    /// A number is read with the other sign.
    Sign,
    /// A value of the same size means something else.
    Meaning,
    /// A value is checked that was not.
    Check,
    /// A section is written at a version that is too new.
    VersionTooNew,
    /// A section is written at a version that is too old.
    VersionTooOld,
    /// A section has a newer version, and can be written at the older one.
    VersionRaised,
    /// Versions that were read are no longer.
    MinimumRaised,
    /// A nested struct has another version.
    NestedVersion,
    /// A subsection that was sent is no longer known.
    SubsectionRemoved,
    /// A subsection that may have been sent is no longer known; its condition is not known either.
    SubsectionGone,
    /// A subsection is sent, under a condition, that is not known.
    SubsectionAdded,
    /// A subsection is always sent, and is not known.
    SubsectionAlways,
    /// A subsection must be there and may be absent.
    SubsectionRequired,
    /// A device is there on one side only.
    Device,
    /// A device's section has another name.
    DeviceName,
    /// A section is sent under a condition on one side only.
    SectionCondition,
    /// A section has another place in the stream.
    Place,
    /// A device that was saved is one that cannot be loaded.
    Unmigratable,
    /// The machines have different names.
    Machine,
    /// A field has another name.
    Renamed,
    /// Unused bytes are used, or used ones are not.
    Unused,
    /// The same bytes are one field on one side and several on the other.
    Regrouped,
    /// The hooks are others.
    Hooks,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing breaks. Somebody may want to know.
    Note,
    /// It depends on something that shapes do not tell: a condition, a value, a meaning.
    Risk,
    /// Streams do not load, or load as something else.
    Break,
}

impl Severity {
    /// Its name: `note`, `risk`, `break`.
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
    /// All rules: the breaks first, then the risks, then the notes.
    pub fn all() -> impl Iterator<Item = Self> {
        RULES.iter().map(|text| text.rule)
    }

    /// The rule with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        RULES.iter().find(|text| text.name == name).map(|text| text.rule)
    }

    /// The name, as in `vmstate check --explain NAME`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.text().name
    }

    /// How bad a finding of it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.text().severity
    }

    /// What it is about, in one line.
    #[must_use]
    pub fn summary(self) -> &'static str {
        self.text().summary
    }

    /// What happens on the wire, and why that is as bad as it is.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        self.text().explanation
    }

    /// Which change would have been safe, or what to look at.
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
    fn every_rule_has_a_text_and_a_name_of_its_own() {
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
