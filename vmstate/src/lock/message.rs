//! The message of a failed lock test.

use std::fmt::Write;

use vmstate_types::text::{OneLine, printable};

use super::{BLESS, LockChange, LockChangeKind};
use crate::schema::compare::{Direction, MergedFinding, merge_directions};

/// Formats all changes, the breaking ones first.
pub(super) fn message(changes: &[LockChange]) -> String {
    let (breaking, safe): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.is_breaking());
    let mut text = String::from("devices differ from their lock files\n");
    for change in breaking.iter().chain(&safe) {
        // A `String` takes everything.
        let file = change.file.display();
        let _ = write!(text, "\n{} ({})\n", printable(&change.device), OneLine(file));
        push_change(&mut text, change);
    }
    text.push('\n');
    if !breaking.is_empty() {
        let _ = writeln!(
            text,
            "Streams between releases no longer load. Make a safe change, or accept the break with `{BLESS}=breaking`."
        );
    }
    if !safe.is_empty() {
        let which = if breaking.is_empty() { "The changes" } else { "The other changes" };
        let _ = writeln!(text, "{which} are safe: accept them with `{BLESS}=1 cargo test`, and commit the files.");
    }
    text
}

fn push_change(text: &mut String, change: &LockChange) {
    let _ = match &change.kind {
        LockChangeKind::Added => writeln!(text, "  new: no lock file yet"),
        LockChangeKind::Removed => {
            writeln!(text, "  break  the device was removed or renamed: machines with it cannot migrate")
        }
        LockChangeKind::Changed(findings) if findings.is_empty() => {
            writeln!(text, "  note   the wire layout is unchanged")
        }
        LockChangeKind::Changed(findings) => {
            let mut findings: Vec<_> = findings.iter().collect();
            findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
            merge_directions(findings).into_iter().for_each(|merged| push_finding(text, merged));
            Ok(())
        }
    };
}

fn push_finding(text: &mut String, MergedFinding { finding, is_both_ways, .. }: MergedFinding<'_>) {
    let rule = finding.rule;
    let path = printable(&finding.path);
    let place = if finding.path.is_empty() { String::new() } else { format!(" at `{path}`") };
    let direction = match finding.direction {
        _ if is_both_ways => "both directions",
        Direction::OldToNew => "older streams in this release",
        Direction::NewToOld => "streams of this release in older ones",
    };
    let version = finding.at_version.map(|version| format!(", streams of version {version}")).unwrap_or_default();
    let _ = writeln!(text, "  {:<5}  {rule}{place}: {}", finding.severity(), rule.summary());
    let _ = writeln!(text, "         affects: {direction}{version}");
    let [old, new] = [finding.on_old_side(), finding.on_new_side()].map(printable);
    let _ = writeln!(text, "         old: {old}, new: {new}");
    if !finding.advice().is_empty() {
        let _ = writeln!(text, "         safe: {}", finding.advice());
    }
}
