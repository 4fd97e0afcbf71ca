//! `vmstate check`: checks whether two releases can load each other's streams.

use vmstate::schema::compare::{Rule, Severity, compare_schemas};
use vmstate::schema::dump::{Checker, Dump};

use crate::args::{Check, QemuChecker};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::output;
use crate::schema_file::SchemaFile;
use crate::terminal::plain;

#[cfg(unix)]
mod relay_rules;
mod render_json;
mod render_text;

pub(crate) fn run(arguments: &Check, json: bool) -> Result<Outcome, Failure> {
    if arguments.rules {
        output::print(&render_text::rules())?;
        return Ok(Outcome::Success);
    }
    if let Some(name) = &arguments.explain {
        return explain(name);
    }
    let (Some(old), Some(new)) = (&arguments.old, &arguments.new) else {
        return Err(Failure::usage("expected two files to compare"));
    };
    let (old, new) = if arguments.reverse { (new, old) } else { (old, new) };
    #[cfg(unix)]
    if arguments.relay_rules {
        return relay_rules::run(old, new, &arguments.output, json);
    }
    let mut sides = [SchemaFile::read(old)?, SchemaFile::read(new)?];
    if let Some(checker) = arguments.qemu {
        return compare_like_qemu(checker, &sides, json);
    }
    for side in &mut sides {
        // A device that only one side has is a finding, not an error.
        let _ = side.select(&arguments.devices);
    }
    compare(arguments, &sides, json)
}

fn explain(name: &str) -> Result<Outcome, Failure> {
    let unknown =
        || Failure::usage_with_help(format!("unknown rule `{name}`"), "list the rules with `vmstate check --rules`");
    let rule = Rule::named(name).ok_or_else(unknown)?;
    output::print(&render_text::explain(rule))?;
    Ok(Outcome::Success)
}

fn compare(arguments: &Check, [old, new]: &[SchemaFile; 2], json: bool) -> Result<Outcome, Failure> {
    let report = compare_schemas(&old.schema, &new.schema);
    if report.compared == 0 {
        return Err(Failure::usage_with_help(
            format!("no device of {} has a counterpart in {}", old.name, new.name),
            "list the devices with `vmstate schema FILE --format names`",
        ));
    }
    if json {
        output::print_json(&render_json::report(&old.name, &new.name, &report))?;
    } else {
        output::print(&render_text::report(&report, arguments.notes))?;
    }
    let limit = if arguments.strict { Severity::Risk } else { Severity::Break };
    Ok(Outcome::of_comparison(report.worst().is_none_or(|worst| worst < limit)))
}

/// Prints the findings of QEMU's `scripts/vmstate-static-checker.py`.
fn compare_like_qemu(checker: QemuChecker, [old, new]: &[SchemaFile; 2], json: bool) -> Result<Outcome, Failure> {
    let checker = match checker {
        QemuChecker::V10_0 => Checker::Qemu10_0,
        QemuChecker::Newer => Checker::Newer,
    };
    let findings = checker.compare(dump(old)?, dump(new)?);
    if json {
        output::print_json(&render_json::qemu(&findings))?;
    } else {
        output::print(&findings.lines.iter().map(|line| format!("{}\n", plain(line))).collect::<String>())?;
    }
    Ok(Outcome::of_comparison(findings.problems == 0))
}

fn dump(side: &SchemaFile) -> Result<&Dump, Failure> {
    let missing = || {
        Failure::usage_with_help(
            format!("{}: expected the output of `-dump-vmstate`", side.name),
            "leave out `--qemu` to compare streams and schemas",
        )
    };
    side.dump.as_ref().ok_or_else(missing)
}
