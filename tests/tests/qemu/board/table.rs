//! Tables of observations, which compare the board with a QEMU row by row.

use std::collections::{BTreeMap, BTreeSet};

/// Observations by their names, such as `active: source status`.
pub(super) type Table = BTreeMap<String, String>;

/// Rows that differ on purpose.
pub(super) struct Difference {
    /// The releases of QEMU.
    pub(super) versions: &'static [&'static str],
    /// The name of the rows; `*` replaces any text.
    pub(super) rows: &'static str,
    pub(super) reason: &'static str,
    /// Set if the rows differ in each run.
    pub(super) always: bool,
}

impl Difference {
    fn applies(&self, version: &str, row: &str) -> bool {
        self.versions.contains(&version) && matches(self.rows, row)
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text
            .strip_prefix(start)
            .is_some_and(|text| (0..=text.len()).filter_map(|index| text.get(index..)).any(|text| matches(rest, text))),
    }
}

/// Prints the table, each row with "same" or the reason of its difference.
///
/// # Panics
/// If a row differs without a reason, or a reason applies to no row that differs.
#[track_caller]
pub(super) fn compare(version: &str, theirs: &Table, ours: &Table, differences: &[Difference]) {
    let rows: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    let (mut unexplained, mut used) = (Vec::new(), vec![false; differences.len()]);
    for row in rows {
        let value = |table: &Table| table.get(row).cloned().unwrap_or_else(|| "absent".to_owned());
        let (theirs, ours) = (value(theirs), value(ours));
        if theirs == ours {
            println!("{version} {row}: same: {ours}");
            continue;
        }
        match differences.iter().position(|difference| difference.applies(version, row)) {
            Some(index) => {
                used[index] = true;
                println!("{version} {row}: {ours}, not {theirs}: {}", differences[index].reason);
            }
            None => unexplained.push(format!("{row}: {ours}, QEMU: {theirs}")),
        }
    }
    assert!(unexplained.is_empty(), "{version}:\n{}", unexplained.join("\n"));
    let unused =
        differences.iter().zip(used).filter(|(found, used)| !used && found.always && found.versions.contains(&version));
    let unused: Vec<_> = unused.map(|(difference, _)| difference.rows).collect();
    assert!(unused.is_empty(), "{version}: these rows are the same: {unused:?}");
}

#[test]
#[should_panic(expected = "a: 1, QEMU: 2")]
fn table_rejects_an_unexplained_difference() {
    let table = |value: &str| Table::from([("a".to_owned(), value.to_owned())]);
    compare(
        "7.2",
        &table("2"),
        &table("1"),
        &[Difference { versions: &["7.2"], rows: "b*", reason: "", always: true }],
    );
}

#[test]
#[should_panic(expected = "these rows are the same")]
fn table_rejects_an_unused_reason() {
    let table = Table::from([("a".to_owned(), "1".to_owned())]);
    compare("7.2", &table, &table, &[Difference { versions: &["7.2"], rows: "*", reason: "", always: true }]);
}
