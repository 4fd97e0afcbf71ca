//! Merging of findings that are the same in both directions.

use std::collections::HashMap;

use super::finder::{Direction, Finding};
use super::rule::Rule;

/// A finding in one direction or in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergedFinding<'f> {
    /// The finding, in the direction in which it was found first.
    pub finding: &'f Finding,
    /// Set if the same difference was found in the other direction.
    pub is_both_ways: bool,
}

/// Merges findings that are the same difference seen in the two directions, and keeps their order otherwise.
///
/// The time is linear in the number of findings.
#[must_use]
pub fn merge_directions<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Vec<MergedFinding<'f>> {
    let mut merged: Vec<MergedFinding<'f>> = Vec::new();
    let mut first = HashMap::new();
    for finding in findings {
        let key = Key::new(finding);
        let other = first.get(&(key, opposite(finding.direction)));
        match other.and_then(|index: &usize| merged.get_mut(*index)) {
            Some(other) => other.is_both_ways = true,
            None => {
                first.entry((key, finding.direction)).or_insert(merged.len());
                merged.push(MergedFinding { finding, is_both_ways: false });
            }
        }
    }
    merged
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::OldToNew => Direction::NewToOld,
        Direction::NewToOld => Direction::OldToNew,
    }
}

/// The parts of a finding that are equal in both directions.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key<'f> {
    rule: Rule,
    device: &'f str,
    path: &'f str,
    at_version: Option<u32>,
    old: &'f str,
    new: &'f str,
}

impl<'f> Key<'f> {
    fn new(finding: &'f Finding) -> Self {
        Self {
            rule: finding.rule,
            device: &finding.device,
            path: &finding.path,
            at_version: finding.at_version,
            old: finding.on_old_side(),
            new: finding.on_new_side(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(path: &str, direction: Direction, written: &str, read: &str) -> Finding {
        Finding {
            rule: Rule::Size,
            direction,
            device: "dev".to_owned(),
            path: path.to_owned(),
            at_version: None,
            own_versions: false,
            written: written.to_owned(),
            read: read.to_owned(),
        }
    }

    #[test]
    fn only_opposite_directions_are_merged() {
        use Direction::{NewToOld, OldToNew};
        let findings = [
            finding("a", OldToNew, "1", "2"),
            finding("b", OldToNew, "1", "2"),
            finding("b", OldToNew, "1", "2"),
            finding("b", NewToOld, "2", "1"),
            finding("a", NewToOld, "1", "2"),
        ];
        let merged = merge_directions(&findings);
        let rows: Vec<_> = merged.iter().map(|row| (&*row.finding.path, row.is_both_ways)).collect();
        assert_eq!(rows, [("a", false), ("b", true), ("b", false), ("a", false)]);
    }
}
