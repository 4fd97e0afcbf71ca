//! Findings for people.

use anstyle::{AnsiColor, Style};
use vmstate::schema::compare::{Comparison, Direction, Finding, Rule, Severity};

use crate::text::Align::Left;
use crate::text::{HEADING, Table, plain};

/// The findings as a table, the worst first.
pub(super) fn report(report: &Comparison, with_notes: bool) -> String {
    let rows = merged(report, if with_notes { Severity::Note } else { Severity::Risk });
    let hidden = if with_notes { 0 } else { report.count(Severity::Note) };
    let mut text = if rows.is_empty() { String::new() } else { table(&rows) + "\n" };
    text.push_str(&super::summary(report));
    text.push('\n');
    if hidden > 0 {
        text.push_str("`--notes` shows the notes too. ");
    }
    if report.worst().is_some() {
        text.push_str("`vmstate check --explain RULE` says more about a rule.\n");
    }
    text
}

/// What is found in one direction or in both.
struct Row<'r> {
    finding: &'r Finding,
    both: bool,
}

/// The findings that are this bad at least; those that are the same in both directions once.
fn merged(report: &Comparison, least: Severity) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for finding in report.findings.iter().filter(|finding| finding.severity() >= least) {
        let same = rows.iter_mut().find(|row| row.finding.is_other_way_of(finding));
        match same {
            Some(row) => row.both = true,
            None => rows.push(Row { finding, both: false }),
        }
    }
    rows.sort_by_key(|row| (std::cmp::Reverse(row.finding.severity()), row.finding.device.clone()));
    rows
}

fn table(rows: &[Row<'_>]) -> String {
    let heads = ["SEVERITY", "BREAKS", "RULE", "DEVICE", "FIELD", "OLD", "NEW"];
    let mut table = Table::new(heads.map(|head| (head, Left)));
    for Row { finding, both } in rows {
        let direction = match (both, finding.direction) {
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

/// The lines with their first words, the severities, in colour.
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
    }
}

/// All rules, a line each.
pub(super) fn rules() -> String {
    let mut table = Table::new([("SEVERITY", Left), ("RULE", Left), ("WHAT IT IS ABOUT", Left)]);
    for rule in Rule::all() {
        table.row([rule.severity().to_string(), rule.name().to_owned(), rule.summary().to_owned()]);
    }
    colored(&table.render())
}

/// All there is to say about a rule.
pub(super) fn explain(rule: Rule) -> String {
    let (name, severity) = (rule.name(), rule.severity());
    let mut text = format!("{HEADING}{name}{HEADING:#} ({severity}): {}\n\n{}\n", rule.summary(), rule.explanation());
    if !rule.advice().is_empty() {
        text.push_str(&format!("\nTo do: {}.\n", rule.advice()));
    }
    text
}
