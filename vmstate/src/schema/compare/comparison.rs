//! Comparing all devices of two programs, machines or streams.

use std::collections::HashMap;

use super::finder::{Direction, Finding};
use super::rule::{Rule, Severity};
use super::{CompareOptions, device_findings};
use crate::schema::shape::Shape;
use crate::schema::{Origin, Schema, device_name};

/// The result of comparing two schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// The findings, device by device.
    pub findings: Vec<Finding>,
    /// The number of comparisons: of devices on both sides, and of each section of a stream with its device.
    pub compared: usize,
}

impl Comparison {
    /// Returns the number of findings with this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity() == severity).count()
    }

    /// Returns the severity of the worst finding, or `None` without findings.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(Finding::severity).max()
    }
}

/// Compares the devices of two schemas by their names.
///
/// If both sides are devices of this library, releases can save at older versions, so streams of older versions are
/// compared as well. QEMU writes only its current versions.
///
/// The name of a section in a stream can begin with the path of the device on its bus. A stream is therefore compared
/// with devices and dumps by the names [without it](device_name) if the whole names differ.
///
/// ```
/// use vmstate::schema::compare::{Severity, compare_schemas};
/// use vmstate::schema::dump::Dump;
/// use vmstate::schema::Schema;
///
/// let dump = |name: &str, size: u32| {
///     let field = format!(r#"{{"field": "{name}", "version_id": 0, "field_exists": false, "size": {size}}}"#);
///     let inside = r#""version_id": 1, "minimum_version_id": 1"#;
///     let text = format!(
///         r#"{{"vmschkmachine": {{"Name": "m"}},
///             "t": {{"Name": "t", {inside}, "Description": {{"name": "d", {inside}, "Fields": [{field}]}}}}}}"#
///     );
///     Dump::parse(&text).map(|dump| Schema::from(&dump))
/// };
/// let report = compare_schemas(&dump("level", 4)?, &dump("depth", 4)?);
/// assert_eq!(report.worst(), Some(Severity::Note));
/// let report = compare_schemas(&dump("level", 4)?, &dump("level", 8)?);
/// assert_eq!(report.worst(), Some(Severity::Break));
/// # Ok::<(), vmstate::schema::SchemaError>(())
/// ```
#[must_use]
pub fn compare_schemas(old: &Schema, new: &Schema) -> Comparison {
    let options = if [old, new].iter().all(|schema| schema.origin == Origin::Devices) {
        CompareOptions::devices()
    } else {
        CompareOptions::qemu()
    };
    let mut report = Comparison { findings: machines(old, new), compared: 0 };
    let (old_sections, new_sections) = (by_device(old), by_device(new));
    for (name, shape) in &old.devices {
        let others = counterparts(name, old, new, &new_sections);
        if others.is_empty() {
            report.findings.push(alone(name, Direction::OldToNew));
        }
        for (other_name, other) in others {
            let name = if new.origin == Origin::Stream { other_name } else { name };
            report.findings.append(&mut device_findings(name, shape, other, options));
            report.compared += 1;
        }
    }
    let added = new.devices.keys().filter(|name| counterparts(name, new, old, &old_sections).is_empty());
    report.findings.extend(added.map(|name| alone(name, Direction::NewToOld)));
    report
}

/// The sections of a stream, by the names of their devices.
type ByDevice<'s> = HashMap<&'s str, Vec<(&'s str, &'s Shape)>>;

/// Groups the sections of a stream by [`device_name`]. Schemas of devices and dumps have no paths, so they give
/// nothing.
fn by_device(schema: &Schema) -> ByDevice<'_> {
    let mut groups = ByDevice::new();
    if schema.origin == Origin::Stream {
        for (section, shape) in &schema.devices {
            groups.entry(device_name(section)).or_default().push((section, shape));
        }
    }
    groups
}

/// Returns the devices of `other` that correspond to the device `name` of `own`.
fn counterparts<'s>(
    name: &str,
    own: &Schema,
    other: &'s Schema,
    by_device: &ByDevice<'s>,
) -> Vec<(&'s str, &'s Shape)> {
    let exact = other.devices.get_key_value(name);
    let named = |(name, shape): (&'s String, &'s Shape)| (&**name, shape);
    match (own.origin == Origin::Stream, other.origin == Origin::Stream) {
        (true, false) => {
            exact.or_else(|| other.devices.get_key_value(device_name(name))).map(named).into_iter().collect()
        }
        // Several sections can belong to one device: instances, or cards on different slots.
        (false, true) => {
            let is_other = |section: &str| section != name && !own.devices.contains_key(section);
            let others = by_device.get(name).into_iter().flatten().copied();
            exact.map(named).into_iter().chain(others.filter(|(section, _)| is_other(section))).collect()
        }
        // A section at another path does not load, so two streams are compared by their whole names.
        _ => exact.map(named).into_iter().collect(),
    }
}

fn machines(old: &Schema, new: &Schema) -> Vec<Finding> {
    match (&old.machine, &new.machine) {
        (Some(one), Some(other)) if one != other => vec![Finding {
            rule: Rule::Machine,
            direction: Direction::OldToNew,
            device: String::new(),
            path: String::new(),
            at_version: None,
            own_versions: false,
            written: one.clone(),
            read: other.clone(),
        }],
        _ => Vec::new(),
    }
}

fn alone(device: &str, direction: Direction) -> Finding {
    Finding {
        rule: Rule::Device,
        direction,
        device: device.to_owned(),
        path: String::new(),
        at_version: None,
        own_versions: false,
        written: "a device".to_owned(),
        read: "no such device".to_owned(),
    }
}
