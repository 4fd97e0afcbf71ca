//! Compares two shapes: can each of two releases load the streams of the other?
//!
//! [`compare`] considers both directions: a newer release loads the stream of an older one, and the reverse. It
//! compares bytes and not names: a struct around some fields, a new name for a field, or a field in place of unused
//! bytes is not a break. Each finding has a [`Rule`], which provides its severity, its effect and a safe change.
//!
//! ```
//! use vmstate::prelude::*;
//! use vmstate::schema::compare::{Direction, CompareOptions, Rule, compare};
//! use vmstate::schema::shape::Shape;
//!
//! #[derive(VmState)]
//! #[vmstate(name = "latch")]
//! struct Old {
//!     open: bool,
//! }
//!
//! #[derive(VmState)]
//! #[vmstate(name = "latch")]
//! struct New {
//!     open: bool,
//!     level: u16,
//! }
//!
//! let findings = compare(&Shape::from(Old::DESCRIPTION), &Shape::from(New::DESCRIPTION), CompareOptions::default());
//! assert_eq!((findings[0].rule, findings[0].direction), (Rule::Missing, Direction::OldToNew));
//! assert_eq!((findings[1].rule, findings[1].direction), (Rule::Extra, Direction::NewToOld));
//! assert_eq!((&*findings[1].path, findings[1].on_old_side()), ("level", "nothing"));
//! assert_eq!(findings[1].on_new_side(), "uint16 of 2 bytes");
//! ```

use std::collections::{BTreeSet, HashSet};

mod align;
mod comparison;
mod device_properties;
mod difference;
mod exact;
mod field;
mod finder;
mod leaf;
mod merge;
mod queue;
mod regroup;
mod rule;
mod side;
mod subsection;

pub use comparison::{Comparison, compare_schemas};
pub use difference::{DifferenceKind, LayoutDifference, first_difference, first_difference_from_sent};
pub use exact::exact_difference;
pub use finder::{Direction, Finding};
pub use merge::{MergedFinding, merge_directions};
pub use rule::{Rule, Severity};

use super::shape::{Shape, ShapeElements, ShapeField};
use finder::{Context, Finder, Nesting};
use side::Side;

/// The assumptions of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompareOptions {
    devices: bool,
}

impl CompareOptions {
    /// Options for two devices of this library, the default. A release can save at an older version, for an older peer,
    /// so streams of older versions are compared as well, and the conditions of subsections are known.
    #[must_use]
    pub const fn devices() -> Self {
        Self { devices: true }
    }

    /// Options for dumps and streams of QEMU's. QEMU writes only its current versions, and dumps contain no conditions.
    #[must_use]
    pub const fn qemu() -> Self {
        Self { devices: false }
    }
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self::devices()
    }
}

/// Compares two shapes of one device, in both directions.
#[must_use]
pub fn compare(old: &Shape, new: &Shape, options: CompareOptions) -> Vec<Finding> {
    device_findings(&old.name, old, new, options)
}

/// Compares two shapes of the device `name`. A stream's shape is only compared as the written side, because nothing can
/// be loaded into it.
fn device_findings(name: &str, old: &Shape, new: &Shape, options: CompareOptions) -> Vec<Finding> {
    let mut findings = Vec::new();
    if old.is_sent || !new.is_sent {
        one_way(&mut findings, (Direction::OldToNew, name), (old, new), options);
    }
    if new.is_sent || !old.is_sent {
        one_way(&mut findings, (Direction::NewToOld, name), (new, old), options);
    }
    findings
}

/// Finds reasons for which `read` cannot load the streams of `written`.
fn one_way(
    findings: &mut Vec<Finding>,
    (direction, device): (Direction, &str),
    (written, read): (&Shape, &Shape),
    options: CompareOptions,
) {
    if written.unmigratable {
        return;
    }
    let (is_sent, reads_sent) = (written.is_sent, read.is_sent);
    let guesses = !options.devices;
    let context = Context { direction, device, at_version: None, is_sent, reads_sent, guesses };
    let mut finder = Finder::new(context, findings);
    if read.unmigratable {
        finder.report(Rule::Unmigratable, "can be saved", "cannot be loaded");
        return;
    }
    device_properties::compare(&mut finder, written, read);
    let can_be_older = options.devices && !is_sent;
    let minimum = written.minimum_version;
    let version = if can_be_older && written.version > read.version && minimum.is_some_and(|min| min <= read.version) {
        finder.report(Rule::VersionRaised, format!("version {}", written.version), format!("at most {}", read.version));
        Some(read.version)
    } else {
        subsection::version(&mut finder, written, read)
    };
    if let Some(version) = version {
        finder.set_nesting(Nesting { inherited: (version, version), own_versions: false });
        align::structs(&mut finder, Side { shape: written, version }, Side { shape: read, version });
    }
    if can_be_older && direction == Direction::OldToNew {
        older(findings, context, written, read);
    }
}

/// Finds reasons for which `read` cannot load streams of the older versions that `written` supports.
fn older(findings: &mut Vec<Finding>, context: Context<'_>, written: &Shape, read: &Shape) {
    let (Some(first), Some(oldest)) = (written.oldest_loaded(), read.oldest_loaded()) else { return };
    let top = written.version.min(read.version);
    if oldest > first && oldest <= written.version {
        let rejected = if oldest - first == 1 {
            format!("version {first}")
        } else {
            format!("versions {first} to {}", oldest - 1)
        };
        Finder::new(context, findings).report(Rule::MinimumRaised, rejected, format!("at least {oldest}"));
    }
    let minimum = written.minimum_version.max(read.minimum_version).unwrap_or(0);
    // Between two of these versions, neither layout changes, so comparing one version of each interval is enough.
    for version in steps(written, read).into_iter().filter(|&version| version >= minimum && version < top) {
        let mut found = Vec::new();
        let context = Context { at_version: Some(version), ..context };
        let (written, read) = (Side { shape: written, version }, Side { shape: read, version });
        let mut finder = Finder::new(context, &mut found);
        finder.set_nesting(Nesting { inherited: (version, version), own_versions: false });
        align::structs(&mut finder, written, read);
        let known: HashSet<_> = findings.iter().map(|known| (known.rule, known.path.as_str())).collect();
        found.retain(|finding| !known.contains(&(finding.rule, finding.path.as_str())));
        findings.append(&mut found);
    }
}

/// Returns the versions at which one of the layouts changes, and the oldest version.
fn steps(written: &Shape, read: &Shape) -> BTreeSet<u32> {
    let mut versions: BTreeSet<u32> = written.minimum_version.max(read.minimum_version).into_iter().collect();
    for shape in [written, read] {
        add_steps(&shape.fields, true, &mut versions);
        for subsection in &shape.subsections {
            add_steps(&subsection.shape.fields, false, &mut versions);
        }
    }
    versions
}

/// Adds the versions at which one of the fields changes, if the gates are `own`, and the versions of structs that
/// inherit.
fn add_steps(fields: &[ShapeField], own: bool, versions: &mut BTreeSet<u32>) {
    for field in fields {
        if own {
            versions.extend([Some(field.since), field.until.map(|last| last.saturating_add(1))].into_iter().flatten());
        }
        let inner = field.kind.inner().map(ShapeElements::shapes).unwrap_or_default();
        for shape in inner.iter().filter(|shape| shape.inherits) {
            add_steps(&shape.fields, true, versions);
        }
    }
}
