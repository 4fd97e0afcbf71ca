//! Schema files, and the comparison of two of them.

use std::collections::HashSet;

use crate::releases::RELEASES;
use vmstate::schema::Schema;
use vmstate::schema::compare::{Comparison, Direction, Finding, Rule, Severity, compare_schemas};
use vmstate::schema::dump::{Checker, Dump};
use vmstate::schema::shape::{Shape, ShapeKind};

use super::{Target, halves, seeds};

/// The target.
pub const TARGET: Target = Target { name: "schema", run, seeds: seeds::schemas, fixed: 4 << 20, per_byte: 8192 };

/// The bytes are two files, with a zero between them.
fn run(bytes: &[u8]) {
    let (old, new) = halves(bytes);
    let (Ok(old), Ok(new)) = (std::str::from_utf8(old), std::str::from_utf8(new)) else { return };
    let schemas = [old, new].map(|text| Schema::read(text).ok());
    for (text, schema) in [old, new].into_iter().zip(&schemas) {
        if let Some(schema) = schema {
            understood(text, schema);
        }
    }
    if let [Some(old), Some(new)] = &schemas {
        compare(old, new);
    }
    if let (Ok(old), Ok(new)) = (Dump::parse(old), Dump::parse(new)) {
        for checker in [Checker::Qemu10_0, Checker::Newer] {
            let findings = checker.compare(&old, &new);
            assert!(findings.problems <= findings.lines.len(), "{findings:?}");
        }
    }
}

/// Parsing the formatted schema returns the same schema. A schema that is nested too deeply cannot be formatted.
fn understood(text: &str, schema: &Schema) {
    let Ok(written) = schema.to_text() else { return };
    let again = Schema::from_text(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!(&again, schema);
    assert_eq!(again.to_text().expect("as before"), written);
    if let Ok(dump) = Dump::parse(text) {
        let written = dump.to_text().expect("it was parsed, so it is not nested too deeply");
        assert_eq!(Dump::parse(&written).expect("it was written as a dump"), dump);
    }
    for release in RELEASES {
        let Ok(dump) = Dump::from_schema(schema, release).to_text() else { continue };
        let again = Dump::parse(&dump).unwrap_or_else(|error| panic!("{error}\n{dump}"));
        assert_eq!(again.to_text().expect("as before"), dump);
    }
    // A schema may describe a device that rejects its own state. Otherwise it is compatible with itself. Of two subsections
    // with one name, the first reads both.
    if schema.devices.values().any(repeats) {
        return;
    }
    let report = compare_schemas(schema, schema);
    let mut broken = report.findings.iter().filter(|finding| finding.severity() == Severity::Break);
    assert!(broken.all(|finding| finding.rule == Rule::VersionTooOld), "{:?}", report.findings);
}

/// Returns whether two subsections have the same name, at any depth.
fn repeats(shape: &Shape) -> bool {
    let mut names = HashSet::new();
    let keys = |kind: &ShapeKind| matches!(kind, ShapeKind::Tree { keys: Some(keys), .. } if keys.shapes().iter().any(repeats));
    let inside = |kind: &ShapeKind| keys(kind) || kind.inner().is_some_and(|inner| inner.shapes().iter().any(repeats));
    shape.subsections.iter().any(|own| !names.insert(&own.shape.name) || repeats(&own.shape))
        || shape.fields.iter().any(|field| inside(&field.kind))
}

/// The findings do not depend on which of the two schemas is the new one.
fn compare(old: &Schema, new: &Schema) {
    let (there, back) = (compare_schemas(old, new), compare_schemas(new, old));
    assert_eq!(there.compared, back.compared);
    let one_way = |report: &Comparison, direction: Direction| {
        // Paths are from the old schema.
        let about = |finding: &Finding| {
            (finding.device.clone(), either_way(finding.rule), finding.written.clone(), finding.read.clone())
        };
        // Machines and devices that only one schema contains are reported in one direction.
        let both_ways = |finding: &&Finding| !matches!(finding.rule, Rule::Machine | Rule::Device);
        let own = report.findings.iter().filter(both_ways);
        let own = own.filter(|finding| finding.direction == direction && finding.at_version.is_none());
        own.map(about).collect::<Vec<_>>()
    };
    assert_eq!(one_way(&there, Direction::OldToNew), one_way(&back, Direction::NewToOld));
}

/// A subsection that only one side knows was added or removed: that depends on which of them is called the new one.
fn either_way(rule: Rule) -> Rule {
    match rule {
        Rule::SubsectionGone | Rule::SubsectionRemoved => Rule::SubsectionAdded,
        other => other,
    }
}
