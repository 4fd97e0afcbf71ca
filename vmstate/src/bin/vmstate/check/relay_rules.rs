//! `vmstate check --relay-rules`: generates rules for `vmstate relay`.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use vmstate::migration::relay::{RelayFinding, RelayFindingKind, RelayRules};

use crate::failure::{Failure, warn};
use crate::input::{Input, is_stdio, reject_two_stdins};
use crate::outcome::Outcome;
use crate::output::{self, Output};
use crate::schema_file::SchemaFile;
use crate::terminal::{plain, plural};

/// A finding in JSON.
#[derive(Serialize)]
struct Finding {
    kind: String,
    path: String,
    detail: String,
}

/// The report in JSON.
#[derive(Serialize)]
struct Report<'a> {
    rules: &'a RelayRules,
    findings: Vec<Finding>,
}

pub(crate) fn run(old: &Path, new: &Path, output: &Path, json: bool) -> Result<Outcome, Failure> {
    reject_two_stdins(old, new)?;
    let (rules, findings) = generate(old, new)?;
    if !is_stdio(output) {
        let mut file = Output::create(output, &[old, new])?;
        file.write_all(rules.to_text().as_bytes()).map_err(Failure::file("cannot write", output))?;
        file.finish()?;
    }
    if json {
        let findings = findings.iter().map(Finding::from).collect();
        output::print_json(&Report { rules: &rules, findings })?;
    } else if is_stdio(output) {
        output::print(&rules.to_text())?;
        findings.iter().for_each(|finding| warn(&line(finding)));
    } else {
        output::print(&text(&findings))?;
    }
    let is_lost = findings.iter().any(|finding| finding.kind == RelayFindingKind::Lost);
    Ok(Outcome::of_comparison(!is_lost))
}

fn generate(old: &Path, new: &Path) -> Result<(RelayRules, Vec<RelayFinding>), Failure> {
    let inputs = [Input::open_stream_or_json(old)?, Input::open_stream_or_json(new)?];
    if inputs.iter().any(|input| input.description().is_none()) {
        let [old, new] = &inputs;
        let (old, new) = (SchemaFile::from_input(old)?, SchemaFile::from_input(new)?);
        return Ok(RelayRules::of_versions(&old.schema, &new.schema));
    }
    let [old, new] = &inputs;
    let (mut old_reader, mut new_reader) = (old.reader()?, new.reader()?);
    let (mut old_stream, mut new_stream) = (old.decoder(&mut old_reader)?, new.decoder(&mut new_reader)?);
    RelayRules::generate(&mut old_stream, &mut new_stream)
        .map_err(|error| Failure::Stream("OLD or NEW".to_owned(), error))
}

fn line(finding: &RelayFinding) -> String {
    format!("{}: {}: {}", finding.kind, plain(&finding.path), plain(&finding.detail))
}

fn text(findings: &[RelayFinding]) -> String {
    let count = |kind, noun| plural(findings.iter().filter(|finding| finding.kind == kind).count() as u64, noun);
    let lost = count(RelayFindingKind::Lost, "part");
    let (bounded, added) = (count(RelayFindingKind::Bounded, "value"), count(RelayFindingKind::Added, "value"));
    let lines: String = findings.iter().map(|finding| line(finding) + "\n").collect();
    format!("{lines}{lost} lost, {bounded} with bounds, {added} added\n")
}

impl From<&RelayFinding> for Finding {
    fn from(finding: &RelayFinding) -> Self {
        let RelayFinding { kind, path, detail, .. } = finding;
        Self { kind: kind.to_string(), path: path.clone(), detail: detail.clone() }
    }
}
