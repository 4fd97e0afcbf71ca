//! The rules, each with its name, its severity, and what it is about.

use std::fmt;

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

/// A rule in words.
struct Text {
    rule: Rule,
    name: &'static str,
    severity: Severity,
    /// One line.
    summary: &'static str,
    /// What happens on the wire.
    explanation: &'static str,
    /// Which change would have been safe, or what to look at.
    advice: &'static str,
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

const fn text(
    rule: Rule,
    name: &'static str,
    severity: Severity,
    summary: &'static str,
    explanation: &'static str,
    advice: &'static str,
) -> Text {
    Text { rule, name, severity, summary, explanation, advice }
}

const RULES: &[Text] = &[
    text(
        Rule::Missing,
        "field-missing",
        Severity::Break,
        "a field is read that is not written",
        "The reader takes the bytes of the next field for this one, and everything behind it is shifted.",
        "put a new field into a subsection with `needed`, or raise the version and gate it with `since`",
    ),
    text(
        Rule::Extra,
        "field-extra",
        Severity::Break,
        "a field is written that is not read",
        "The reader takes the bytes of this field for the next one, and everything behind it is shifted.",
        "keep the bytes: put `unused` in the place of a removed field, or `removed(...)` to read it; put a new field \
         into a subsection with `needed`, or gate it with `since`",
    ),
    text(
        Rule::Order,
        "field-order",
        Severity::Break,
        "fields are read in another order than they are written",
        "The wire has no names: the reader stores the bytes of one field in another.",
        "keep the order of the declaration; the struct may be declared in wire order and used in any",
    ),
    text(
        Rule::Type,
        "type",
        Severity::Break,
        "a value is read as another type than it was written",
        "The bytes are more or fewer than the reader takes, or they mean something else to it.",
        "keep the type on the wire (`wire = ...`, `with = ...`), or add a field of the new type in a subsection",
    ),
    text(
        Rule::Size,
        "size",
        Severity::Break,
        "a value has another size",
        "The reader takes more or fewer bytes than were written, and everything behind them is shifted.",
        "keep the size; send what does not fit in a subsection",
    ),
    text(
        Rule::Count,
        "count",
        Severity::Break,
        "an array has another length",
        "The reader takes more or fewer elements than were written, and everything behind them is shifted.",
        "keep the length of the array on the wire (`range = ...`), and send the rest in a subsection; or count it by a field",
    ),
    text(
        Rule::Pointers,
        "pointers",
        Severity::Break,
        "pointers that may be null are marked in another way",
        "One side writes markers where the other expects values.",
        "keep the kind of pointers, or put the new one into a subsection",
    ),
    text(
        Rule::Nesting,
        "nesting",
        Severity::Break,
        "a value is a struct, list or tree on one side only",
        "Lists and trees have markers between their elements, which the other side takes for values.",
        "keep the old form, and put the new one into a subsection",
    ),
    text(
        Rule::VersionTooNew,
        "version-too-new",
        Severity::Break,
        "a section is written at a version that the reader does not know",
        "The reader refuses the section: it is from a newer version than its own.",
        "new state in a subsection with `needed` keeps the version, and loads in older releases while it is not needed",
    ),
    text(
        Rule::VersionTooOld,
        "version-too-old",
        Severity::Break,
        "a section is written at a version that the reader no longer supports",
        "The reader refuses the section: it is from an older version than its minimum.",
        "lower `minimum_version`, and gate what older versions lack with `since`; or read them with `load_old`",
    ),
    text(
        Rule::MinimumRaised,
        "minimum-raised",
        Severity::Break,
        "older streams that were loaded are now refused",
        "Streams of these versions were written by older releases, or by this one for older peers.",
        "keep `minimum_version`, and gate what older versions lack with `since`; or read them with `load_old`",
    ),
    text(
        Rule::SubsectionRemoved,
        "subsection-removed",
        Severity::Break,
        "a subsection that older streams have is no longer known",
        "A load that meets a subsection of this parent that it does not know fails. A renamed one is another one.",
        "keep the subsection under its name, and let `needed` say false: it then is read, and not sent",
    ),
    text(
        Rule::SubsectionAlways,
        "subsection-always",
        Severity::Break,
        "a subsection is always sent that the reader does not know",
        "A load that meets a subsection of this parent that it does not know fails.",
        "give it a `needed`, which is false while the state is what an older release has",
    ),
    text(
        Rule::SubsectionRequired,
        "subsection-required",
        Severity::Break,
        "a subsection must be there, and is not, or not always, sent",
        "The reader has `absent = error`, so that a stream without the subsection is refused.",
        "let `absent` be `keep` or `default`",
    ),
    text(
        Rule::DeviceName,
        "device-name",
        Severity::Break,
        "a device's section has another name",
        "Sections are found by their names; the reader knows no device for this one.",
        "keep the name, or register the device with the old one as a further name",
    ),
    text(
        Rule::Unmigratable,
        "unmigratable",
        Severity::Break,
        "a device that was saved is one that cannot be loaded",
        "A device that keeps its machine from being saved keeps it from being loaded too.",
        "`unmigratable` is for devices that never could be saved",
    ),
    text(
        Rule::ConditionalMissing,
        "condition-missing",
        Severity::Risk,
        "a field is read under a condition, and never written",
        "While the predicate says yes, the reader takes the bytes of the next field for this one.",
        "make sure that the predicate is false for streams of the other side, by the version or by a property",
    ),
    text(
        Rule::ConditionalExtra,
        "condition-extra",
        Severity::Risk,
        "a field is written under a condition, and never read",
        "While the predicate says yes, the reader takes the bytes of this field for the next one.",
        "make sure that the predicate is false when the other side reads, by the version or by a property",
    ),
    text(
        Rule::Condition,
        "condition",
        Severity::Risk,
        "a field is there under a condition on one side, and always on the other",
        "While the predicate says no, one side has a field more than the other.",
        "make sure that the predicate is true whenever the other side takes part",
    ),
    text(
        Rule::CountSource,
        "count-source",
        Severity::Risk,
        "the length of an array comes from elsewhere",
        "Both sides find the same length only as long as both sources say the same.",
        "let the same field count on both sides",
    ),
    text(
        Rule::SentCount,
        "sent-count",
        Severity::Risk,
        "two streams have different numbers of elements",
        "A stream does not say whether a number is fixed. If it is not, another field says how many there are.",
        "see what counts the elements; if nothing does, the two machines do not fit",
    ),
    text(
        Rule::Limit,
        "limit",
        Severity::Risk,
        "fewer elements are accepted than may be written",
        "A stream with more elements than the reader's `max` is refused.",
        "keep `max`, or make sure that no release has ever written more",
    ),
    text(
        Rule::Sign,
        "sign",
        Severity::Risk,
        "a number is read with a sign, and written without, or the other way round",
        "The bytes are the same. Negative numbers are read as large ones, and large ones as negative.",
        "make sure that the values fit both types",
    ),
    text(
        Rule::Meaning,
        "meaning",
        Severity::Risk,
        "a value of the same size has another type",
        "The bytes fit. Whether they mean the same, shapes do not tell.",
        "make sure that both types write the same bytes for the same value",
    ),
    text(
        Rule::Check,
        "check",
        Severity::Risk,
        "a value is checked on load that was not checked before",
        "The bytes are the same, but some values are now refused.",
        "make sure that all releases write what the check accepts",
    ),
    text(
        Rule::SubsectionGone,
        "subsection-gone",
        Severity::Risk,
        "a subsection that older streams may have is no longer known",
        "A load that meets a subsection of this parent that it does not know fails. Dumps do not say when it is sent.",
        "see when older releases need the subsection; if ever, keep it under its name",
    ),
    text(
        Rule::SubsectionAdded,
        "subsection-added",
        Severity::Risk,
        "a subsection may be sent that older readers do not know",
        "A load that meets a subsection of this parent that it does not know fails; while it is not needed, all is fine.",
        "make sure that `needed` is false as long as the state is what an older release has",
    ),
    text(
        Rule::SectionCondition,
        "section-condition",
        Severity::Risk,
        "a section is sent under a condition on one side only",
        "While the predicate says no, the stream has no such section, and a reader that needs it refuses the stream.",
        "let the reader accept that the section is absent",
    ),
    text(
        Rule::Place,
        "place",
        Severity::Risk,
        "a section has another place in the stream",
        "Sections are loaded in the order of the stream. A device that needs another to be loaded first may not find that.",
        "keep `priority` and `early_setup`",
    ),
    text(
        Rule::Device,
        "device",
        Severity::Risk,
        "a device is there on one side only",
        "A machine that has the device cannot move. Machines without it can.",
        "keep the device for as long as there are machines with it",
    ),
    text(
        Rule::VersionRaised,
        "version-raised",
        Severity::Note,
        "the version is newer, so that older releases need streams at the older one",
        "Older releases refuse the newer version. Saved at the older one, the section is what they expect.",
        "save for older releases at the version that they know",
    ),
    text(
        Rule::NestedVersion,
        "nested-version",
        Severity::Note,
        "a nested struct has another version",
        "No version of nested structs is in the stream: both sides go by their own. What that does to fields is reported \
         with the fields.",
        "gates in nested structs do not look at the stream's version; use subsections, or `versioned`",
    ),
    text(
        Rule::Machine,
        "machine",
        Severity::Note,
        "the dumps are of machines with different names",
        "A stream names its machine, and QEMU refuses one of another machine.",
        "compare dumps of the same machine type",
    ),
    text(
        Rule::Renamed,
        "renamed",
        Severity::Note,
        "a field has another name",
        "Names are not on the wire. The bytes are the same.",
        "make sure that it is the same field, and not another one in the place of one that was removed",
    ),
    text(
        Rule::Unused,
        "unused",
        Severity::Note,
        "bytes that were unused are used, or the other way round",
        "The side that does not use the bytes writes zeros and ignores what it reads.",
        "make sure that zero is a good value for the field",
    ),
    text(
        Rule::Regrouped,
        "regrouped",
        Severity::Note,
        "the same bytes are one field on one side and several on the other",
        "The wire has no borders between fields. The bytes are the same.",
        "",
    ),
    text(
        Rule::Hooks,
        "hooks",
        Severity::Note,
        "the hooks are others",
        "What hooks do is not in the shape.",
        "make sure that state of older releases is still understood",
    ),
];

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
