//! `vmstate check`: whether what one side saves is what the other one loads.

use vmstate::schema::compare::{Comparison, Rule, Severity, compare_schemas};
use vmstate::schema::dump::Checker;

use crate::args::{Check, QemuChecker};
use crate::failure::Failure;
use crate::shapes::Shapes;
use crate::{Answer, output};

mod json;
mod text;

pub(crate) fn run(arguments: &Check, json: bool) -> Result<Answer, Failure> {
    if arguments.rules {
        output::answer(&text::rules())?;
        return Ok(Answer::Fine);
    }
    if let Some(name) = &arguments.explain {
        let unknown =
            || Failure::Usage(format!("there is no rule `{name}`; `vmstate check --rules` lists those there are"));
        let rule = Rule::named(name).ok_or_else(unknown)?;
        output::answer(&text::explain(rule))?;
        return Ok(Answer::Fine);
    }
    let (Some(old), Some(new)) = (&arguments.old, &arguments.new) else {
        return Err(Failure::Usage("two files to compare are needed".to_owned()));
    };
    let (old, new) = if arguments.reverse { (new, old) } else { (old, new) };
    let mut sides = [Shapes::read(old)?, Shapes::read(new)?];
    match arguments.qemu {
        Some(checker) => qemu(checker, &sides, json),
        None => {
            sides.iter_mut().for_each(|side| side.select(&arguments.devices));
            own(arguments, &sides, json)
        }
    }
}

fn own(arguments: &Check, [old, new]: &[Shapes; 2], json: bool) -> Result<Answer, Failure> {
    let report = compare_schemas(&old.schema, &new.schema);
    match json {
        true => output::answer_json(&json::report(&old.name, &new.name, &report))?,
        false => output::answer(&text::report(&report, arguments.notes))?,
    }
    let limit = if arguments.strict { Severity::Risk } else { Severity::Break };
    Ok(answer(report.worst().is_none_or(|worst| worst < limit)))
}

/// The findings of QEMU's script, in its words.
fn qemu(checker: QemuChecker, sides: &[Shapes; 2], json: bool) -> Result<Answer, Failure> {
    let dump = |side: &'_ Shapes| {
        let none =
            || Failure::Usage(format!("{}: no dump of QEMU's, which is all that its checker compares", side.name));
        side.dump.clone().ok_or_else(none)
    };
    let (old, new) = (dump(&sides[0])?, dump(&sides[1])?);
    let checker = match checker {
        QemuChecker::V10_0 => Checker::Qemu10_0,
        QemuChecker::Newer => Checker::Newer,
    };
    let findings = checker.compare(&old, &new);
    match json {
        true => output::answer_json(&json::qemu(&findings))?,
        false => output::answer(&findings.lines.iter().map(|line| format!("{line}\n")).collect::<String>())?,
    }
    Ok(answer(findings.problems == 0))
}

fn answer(is_fine: bool) -> Answer {
    if is_fine { Answer::Fine } else { Answer::Different }
}

/// How many findings there are, in words: `2 breaks, 1 risk, 14 notes`.
fn summary(report: &Comparison) -> String {
    let count = |severity: Severity| crate::text::plural(report.count(severity) as u64, severity.name());
    let counts = [Severity::Break, Severity::Risk, Severity::Note].map(count);
    format!("{} in {}", counts.join(", "), crate::text::plural(report.compared as u64, "compared device"))
}
