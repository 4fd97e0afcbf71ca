//! What the lock says to a device's author.

use std::fmt::Write;

use super::{BLESS, LockChange, LockChangeKind};
use crate::schema::compare::{Direction, Finding};

/// The message about all changes, the breaking ones first.
pub(super) fn message(changes: &[LockChange]) -> String {
    let (breaking, safe): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.is_breaking());
    let mut text = String::from("devices are not what their lock says\n");
    for change in breaking.iter().chain(&safe) {
        // A `String` takes everything.
        let _ = write!(text, "\n{} ({})\n", change.device, change.file.display());
        push_change(&mut text, change);
    }
    text.push('\n');
    if !breaking.is_empty() {
        let _ = writeln!(
            text,
            "Streams do not load everywhere any more. Make a safe change of it; if the break is meant, accept it with \
             `{BLESS}=breaking`."
        );
    }
    if !safe.is_empty() {
        let what = if breaking.is_empty() { "Nothing breaks" } else { "The other changes break nothing" };
        let _ = writeln!(text, "{what}: accept with `{BLESS}=1 cargo test`, and commit the files.");
    }
    text
}

fn push_change(text: &mut String, change: &LockChange) {
    let _ = match &change.kind {
        LockChangeKind::Added => writeln!(text, "  new: there is no file for it yet"),
        LockChangeKind::Removed => {
            writeln!(text, "  break  the device is gone, or has another name in the lock: machines with it cannot move")
        }
        LockChangeKind::Changed(findings) if findings.is_empty() => {
            writeln!(text, "  note   nothing that is on the wire has changed")
        }
        LockChangeKind::Changed(findings) => {
            let mut findings: Vec<_> = findings.iter().collect();
            findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
            for (index, finding) in findings.iter().enumerate() {
                let is_other_way = |other: &&Finding| other.is_other_way_of(finding);
                if !findings.iter().take(index).any(&is_other_way) {
                    let both = findings.iter().any(is_other_way);
                    push_finding(text, finding, both);
                }
            }
            Ok(())
        }
    };
}

fn push_finding(text: &mut String, finding: &Finding, both: bool) {
    let rule = finding.rule;
    let place = if finding.path.is_empty() { String::new() } else { format!(" at `{}`", finding.path) };
    let direction = match finding.direction {
        _ if both => "this release loads what older ones save, and the other way round",
        Direction::OldToNew => "this release loads what older ones save",
        Direction::NewToOld => "older releases load what this one saves",
    };
    let version = finding.at_version.map(|version| format!(", streams of version {version}")).unwrap_or_default();
    let _ = writeln!(text, "  {:<5}  {rule}{place}: {}", finding.severity(), rule.summary());
    let _ = writeln!(text, "         when {direction}{version}");
    let _ = writeln!(text, "         old: {}, new: {}", finding.on_old_side(), finding.on_new_side());
    if !rule.advice().is_empty() {
        let _ = writeln!(text, "         safe: {}", rule.advice());
    }
}
