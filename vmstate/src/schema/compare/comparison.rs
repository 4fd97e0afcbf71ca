//! Comparing all devices of two programs, machines or streams.

use super::finder::{Direction, Finding};
use super::rule::{Rule, Severity};
use super::{CompareOptions, device_findings};
use crate::schema::{Origin, Schema};

/// The result of comparing two schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// The findings, device by device.
    pub findings: Vec<Finding>,
    /// The number of devices on both sides, which were compared.
    pub compared: usize,
}

impl Comparison {
    /// Returns the number of findings with this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity() == severity).count()
    }

    /// The worst there is; `None` when nothing was found.
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
    for (name, shape) in &old.devices {
        match new.devices.get(name) {
            Some(other) => {
                report.findings.append(&mut device_findings(name, shape, other, options));
                report.compared += 1;
            }
            None => report.findings.push(alone(name, Direction::OldToNew)),
        }
    }
    let added = new.devices.keys().filter(|name| !old.devices.contains_key(*name));
    report.findings.extend(added.map(|name| alone(name, Direction::NewToOld)));
    report
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
