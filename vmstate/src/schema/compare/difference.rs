//! Finds the first field at which a stream's description differs from a local device, to diagnose a failed load.

use std::fmt;

use vmstate_types::Description;
use vmstate_types::text::printable;

use super::finder::{Context, Direction, Finder, Finding, Nesting};
use super::rule::{Rule, Severity};
use super::side::Side;
use super::{align, subsection};
use crate::schema::shape::Shape;
use crate::schema::vmdesc;

/// The first difference between a stream's description and a local device.
///
/// ```
/// use vmstate::prelude::*;
/// use vmstate::schema::compare::{DifferenceKind, first_difference};
/// use vmstate::schema::vmdesc::{SentBody, Document};
///
/// #[derive(VmState)]
/// #[vmstate(name = "latch")]
/// struct Latch {
///     open: bool,
///     level: u16,
/// }
///
/// let text = concat!(
///     r#"{"page_size": 4096, "devices": [{"name": "latch", "instance_id": 0, "vmsd_name": "latch", "version": 1, "#,
///     r#""fields": [{"name": "open", "type": "bool", "size": 1}, {"name": "level", "type": "uint32", "size": 4}]}]}"#,
/// );
/// let document = Document::parse(text.as_bytes(), 0)?;
/// let SentBody::State(theirs) = &document.devices[0].body else { panic!() };
///
/// let difference = first_difference(Latch::DESCRIPTION, 1, theirs).unwrap();
/// assert_eq!((&*difference.path, difference.what), ("latch.level", DifferenceKind::Type));
/// assert_eq!((&*difference.ours, &*difference.theirs), ("uint16 of 2 bytes", "uint32 of 4 bytes"));
/// # Ok::<(), LoadError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayoutDifference {
    /// The field, with the device and the structs around it: `serial.recv_fifo.count`.
    pub path: String,
    /// The kind of difference.
    pub what: DifferenceKind,
    /// The local definition.
    pub ours: String,
    /// The definition in the stream.
    pub theirs: String,
    /// The likely reason, in a sentence.
    pub reason: String,
}

/// The kind of a [`LayoutDifference`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DifferenceKind {
    /// The name of the device or field.
    Name,
    /// The bytes of a value.
    Size,
    /// The number of elements.
    Count,
    /// The type.
    Type,
    /// The version of the section or of a subsection.
    Version,
    /// The stream lacks the field.
    Missing,
    /// The stream has a field that the device lacks.
    Extra,
    /// The stream has a subsection that the device lacks, or the other way round.
    Subsection,
    /// The order of fields.
    Order,
}

impl fmt::Display for LayoutDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [path, theirs, ours, reason] =
            [&self.path, &self.theirs, &self.ours, &self.reason].map(|text| printable(text));
        write!(f, "`{path}`: the stream has {theirs}, this device has {ours}: {reason}")
    }
}

/// Finds the first field at which `theirs`, the description of a section of `version`, differs from the fields that
/// `local` loads.
///
/// A stream contains only the fields that were sent, so fields of `local` may be absent if a predicate or a count of
/// zero leaves them out, and a counted field fits any length. Nested structs are unfolded, and unused bytes match any
/// field. If all bytes fit, a field with another type or name is reported, if one exists.
#[must_use]
pub fn first_difference(local: &Description, version: u32, theirs: &vmdesc::SentStruct) -> Option<LayoutDifference> {
    first(&Shape::from(local), version, theirs)
}

/// Finds the first field at which `theirs`, the description of a section of `version`, differs from `ours`, the
/// description that this side would send now.
///
/// Unlike [`first_difference`], this knows the results of this side's predicates and the numbers of elements.
#[must_use]
pub fn first_difference_from_sent(
    ours: &vmdesc::SentStruct,
    version: u32,
    theirs: &vmdesc::SentStruct,
) -> Option<LayoutDifference> {
    first(&Shape::from(ours), version, theirs)
}

fn first(ours: &Shape, version: u32, theirs: &vmdesc::SentStruct) -> Option<LayoutDifference> {
    let findings = findings(ours, version, theirs);
    // A break explains the failure better than a risk, even if the risk comes first in the section.
    let worst = |severity| move |finding: &&Finding| finding.severity() == severity;
    let first = findings.iter().find(worst(Severity::Break)).or_else(|| findings.iter().find(worst(Severity::Risk)));
    let first = first.or_else(|| findings.iter().find(|finding| what(finding.rule).is_some()))?;
    Some(LayoutDifference::new(&ours.name, first, &findings))
}

/// Compares the sent fields with the loaded fields. Paths have the local names.
fn findings(ours: &Shape, version: u32, theirs: &vmdesc::SentStruct) -> Vec<Finding> {
    let theirs = Shape { version, ..Shape::from(theirs) };
    let mut findings = Vec::new();
    let context = Context {
        // Paths have the names of the old side, which here is the local one.
        direction: Direction::NewToOld,
        device: &ours.name,
        at_version: None,
        is_sent: true,
        reads_sent: false,
        guesses: false,
    };
    let mut finder = Finder::new(context, &mut findings);
    if let Some(version) = subsection::version(&mut finder, &theirs, ours) {
        finder.set_nesting(Nesting { inherited: (version, version), own_versions: false });
        align::structs(&mut finder, Side { shape: &theirs, version }, Side { shape: ours, version });
    }
    findings
}

/// Returns the path of a finding, which begins with the device.
fn path(device: &str, finding: &Finding) -> String {
    if finding.path.is_empty() {
        return device.to_owned();
    }
    format!("{device}.{}", finding.path)
}

impl LayoutDifference {
    fn new(device: &str, finding: &Finding, all: &[Finding]) -> Self {
        Self {
            path: path(device, finding),
            what: what(finding.rule).unwrap_or(DifferenceKind::Type),
            ours: finding.read.clone(),
            theirs: finding.written.clone(),
            reason: reason(finding, all),
        }
    }
}

/// Returns the kind of difference that a rule concerns, or `None` for rules that do not apply to streams.
fn what(rule: Rule) -> Option<DifferenceKind> {
    Some(match rule {
        Rule::Missing | Rule::ConditionalMissing => DifferenceKind::Missing,
        Rule::Extra | Rule::ConditionalExtra => DifferenceKind::Extra,
        Rule::Order => DifferenceKind::Order,
        Rule::Type | Rule::Sign | Rule::Meaning | Rule::Nesting | Rule::Pointers => DifferenceKind::Type,
        Rule::Size => DifferenceKind::Size,
        Rule::Count | Rule::CountSource | Rule::Limit => DifferenceKind::Count,
        Rule::VersionTooNew | Rule::VersionTooOld | Rule::NestedVersion => DifferenceKind::Version,
        Rule::SubsectionAlways | Rule::SubsectionRequired => DifferenceKind::Subsection,
        Rule::Renamed | Rule::DeviceName => DifferenceKind::Name,
        _ => return None,
    })
}

/// Returns the likely reason for a finding, considering the findings around it.
fn reason(finding: &Finding, all: &[Finding]) -> String {
    let around = |rule, path: &str| all.iter().find(|other| other.rule == rule && path.starts_with(&*other.path));
    if let (Rule::Missing | Rule::Extra, Some(version)) = (finding.rule, around(Rule::NestedVersion, &finding.path)) {
        return format!(
            "the struct `{}` is version {} in the stream and {} here, and nested structs are loaded at the local version",
            version.path, version.written, version.read
        );
    }
    let text = match finding.rule {
        Rule::Missing => {
            "the peer is older or lacks an option that this side has, or a gate or predicate is missing here"
        }
        Rule::Extra => {
            "the peer is newer or has an option that this side lacks, or a predicate is false or a counter is zero here"
        }
        Rule::Order => "the fields are declared in another order",
        Rule::Type | Rule::Size => "the field was changed on one side",
        Rule::Count => "the two machines differ in a size or in how many of something they have",
        Rule::SubsectionAlways => "the peer is newer or has an option that this side lacks",
        Rule::SubsectionRequired => "the peer is older, or lacks an option that this side requires",
        Rule::Renamed => "the bytes fit, and the field has another name",
        rule => rule.summary(),
    };
    text.to_owned()
}
