//! Findings as JSON. `vmstate/docs/check.md` documents the keys.

use serde::Serialize;
use vmstate::schema::compare::{Comparison, Direction, Finding, Severity};
use vmstate::schema::dump::Findings;

#[derive(Serialize)]
pub(super) struct Document<'r> {
    old: &'r str,
    new: &'r str,
    compared: usize,
    breaks: usize,
    risks: usize,
    notes: usize,
    findings: Vec<Row<'r>>,
}

#[derive(Serialize)]
struct Row<'r> {
    severity: &'static str,
    rule: &'static str,
    /// `old to new` or `new to old`.
    direction: &'static str,
    device: &'r str,
    field: &'r str,
    at_version: Option<u32>,
    old: &'r str,
    new: &'r str,
    summary: &'static str,
    advice: &'static str,
}

#[derive(Serialize)]
pub(super) struct Qemu<'f> {
    lines: &'f [String],
    problems: usize,
    /// The exit status of QEMU's script.
    exit_code: u8,
}

pub(super) fn report<'r>(old: &'r str, new: &'r str, report: &'r Comparison) -> Document<'r> {
    Document {
        old,
        new,
        compared: report.compared,
        breaks: report.count(Severity::Break),
        risks: report.count(Severity::Risk),
        notes: report.count(Severity::Note),
        findings: report.findings.iter().map(row).collect(),
    }
}

fn row(finding: &Finding) -> Row<'_> {
    Row {
        severity: finding.severity().name(),
        rule: finding.rule.name(),
        direction: match finding.direction {
            Direction::OldToNew => "old to new",
            Direction::NewToOld => "new to old",
        },
        device: &finding.device,
        field: &finding.path,
        at_version: finding.at_version,
        old: finding.on_old_side(),
        new: finding.on_new_side(),
        summary: finding.rule.summary(),
        advice: finding.advice(),
    }
}

pub(super) fn qemu(findings: &Findings) -> Qemu<'_> {
    Qemu { lines: &findings.lines, problems: findings.problems, exit_code: findings.exit_code() }
}
