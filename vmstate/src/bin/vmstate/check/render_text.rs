//! Findings as text.

use std::cmp::Reverse;

use anstyle::{AnsiColor, Style};
use vmstate::schema::compare::{Comparison, Direction, MergedFinding, Rule, Severity, merge_directions};

use crate::terminal::Align::Left;
use crate::terminal::{HEADING, Table, plain, plural};

/// Renders the findings as a table, the worst first.
pub(super) fn report(report: &Comparison, with_notes: bool) -> String {
    let rows = merged(report, if with_notes { Severity::Note } else { Severity::Risk });
    let hidden = if with_notes { 0 } else { report.count(Severity::Note) };
    let mut text = if rows.is_empty() { String::new() } else { table(&rows) + "\n" };
    text.push_str(&summary(report));
    text.push('\n');
    if hidden > 0 {
        text.push_str("help: print the notes with `--notes`\n");
    }
    if report.worst().is_some() {
        text.push_str("help: read about a rule with `vmstate check --explain RULE`\n");
    }
    text
}

/// Returns the number of findings, such as `2 breaks, 1 risk, 14 notes in 208 compared devices`.
fn summary(report: &Comparison) -> String {
    let count = |severity: Severity| plural(report.count(severity) as u64, severity.name());
    let counts = [Severity::Break, Severity::Risk, Severity::Note].map(count);
    format!("{} in {}", counts.join(", "), plural(report.compared as u64, "compared device"))
}

/// Returns the findings with at least the severity `least`. Findings that are equal in both directions are merged.
fn merged(report: &Comparison, least: Severity) -> Vec<MergedFinding<'_>> {
    let mut rows = merge_directions(report.findings.iter().filter(|finding| finding.severity() >= least));
    let key = |row: &MergedFinding<'_>| (Reverse(row.finding.severity()), row.finding.device.clone());
    rows.sort_by_cached_key(key);
    rows
}

fn table(rows: &[MergedFinding<'_>]) -> String {
    let heads = ["SEVERITY", "BREAKS", "RULE", "DEVICE", "FIELD", "OLD", "NEW"];
    let mut table = Table::new(heads.map(|head| (head, Left)));
    for MergedFinding { finding, is_both_ways, .. } in rows {
        let direction = match (is_both_ways, finding.direction) {
            (true, _) => "both ways",
            (false, Direction::OldToNew) => "old to new",
            (false, Direction::NewToOld) => "new to old",
        };
        let version = finding.at_version.map(|version| format!(" (version {version})")).unwrap_or_default();
        table.row([
            finding.severity().to_string(),
            direction.to_owned(),
            finding.rule.to_string(),
            plain(&finding.device),
            plain(&finding.path) + &version,
            plain(finding.on_old_side()),
            plain(finding.on_new_side()),
        ]);
    }
    colored(&table.render())
}

/// Colors the severity at the beginning of each line.
fn colored(table: &str) -> String {
    let line = |line: &str| {
        let found = [Severity::Break, Severity::Risk, Severity::Note]
            .into_iter()
            .find_map(|severity| Some((severity, line.strip_prefix(severity.name())?)));
        match found {
            Some((severity, rest)) => {
                let style = style(severity);
                format!("{style}{severity}{style:#}{rest}\n")
            }
            None => format!("{line}\n"),
        }
    };
    table.lines().map(line).collect()
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Break => Style::new().fg_color(Some(AnsiColor::Red.into())).bold(),
        Severity::Risk => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
        Severity::Note => Style::new().dimmed(),
        _ => Style::new(),
    }
}

/// Renders the rules, one per line.
pub(super) fn rules() -> String {
    let mut table = Table::new([("SEVERITY", Left), ("RULE", Left), ("SUMMARY", Left)]);
    for rule in Rule::all() {
        table.row([rule.severity().to_string(), rule.name().to_owned(), rule.summary().to_owned()]);
    }
    colored(&table.render())
}

/// Renders the explanation of a rule.
pub(super) fn explain(rule: Rule) -> String {
    let name = rule.name();
    let severity = rule.severity();
    let mut text = format!("{HEADING}{name}{HEADING:#} ({severity}): {}\n\n{}\n", rule.summary(), rule.explanation());
    if !rule.advice().is_empty() {
        text.push_str(&format!("\nAdvice: {}.\n", rule.advice()));
    }
    text
}
