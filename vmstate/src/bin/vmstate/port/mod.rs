//! `vmstate port`: rewrites the sources of a crate towards the derive, and lists the fields that remain.

mod cause;
mod defaults;
mod edit;
mod form;
mod macros;
mod names;
mod plan;
mod read;
mod report;
mod resolve;
mod syntax;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use crate::args::Port;
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::output;
use plan::{MARKERS, Rules};
use report::Report;
use resolve::Index;
use syntax::Sources;
use table::Table;

pub(crate) fn run(arguments: &Port, json: bool) -> Result<Outcome, Failure> {
    let table = read_table(arguments.table.as_deref())?;
    let crates = crates(arguments)?;
    let mut sources = Sources::default();
    for folder in &crates {
        read::read_crate(&mut sources, folder)?;
    }
    let index = Index::new(&sources);
    let own: Vec<_> = MARKERS.iter().map(|marker| (*marker).to_owned()).collect();
    let markers = if arguments.derives.is_empty() { &own } else { &arguments.derives };
    let rules = Rules { roots: &arguments.roots, markers, table: &table, max: arguments.max };
    let planned = plan::plan(&index, &rules);
    check(arguments, &planned, &table)?;
    let report = Report::new(&sources, &planned);
    if !arguments.survey {
        edit::write(&sources, &planned)?;
        crates.iter().try_for_each(|folder| edit::depend(folder, &planned))?;
    }
    match json {
        true => output::print_json(&report)?,
        false => output::print(&report.text())?,
    }
    Ok(Outcome::of_comparison(report.is_complete() || arguments.survey))
}

fn read_table(path: Option<&Path>) -> Result<Table, Failure> {
    let Some(path) = path else { return Ok(Table::default()) };
    let text = fs::read_to_string(path).map_err(Failure::file("cannot read", path))?;
    Table::parse(&text).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

/// Returns the folders of the crates: the argument, or, for a survey, all crates in it.
fn crates(arguments: &Port) -> Result<Vec<PathBuf>, Failure> {
    let folder = &arguments.folder;
    if folder.join("src").is_dir() && folder.join("Cargo.toml").is_file() && !arguments.survey {
        return Ok(vec![folder.clone()]);
    }
    if !arguments.survey {
        return Err(Failure::usage_with_help(
            format!("`{}` is not the folder of a crate: expected `Cargo.toml` and `src`", folder.display()),
            "`--survey` accepts a folder with several crates",
        ));
    }
    let mut found = Vec::new();
    find(folder, &mut found).map_err(Failure::file("cannot read", folder))?;
    found.sort();
    match found.is_empty() {
        true => Err(Failure::usage(format!("`{}` contains no crate with `Cargo.toml` and `src`", folder.display()))),
        false => Ok(found),
    }
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if folder.join("Cargo.toml").is_file() && folder.join("src").is_dir() {
        found.push(folder.to_owned());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_skipped = ["target", "src", ".git"].iter().any(|name| entry.file_name() == **name);
        if entry.file_type()?.is_dir() && !is_skipped {
            find(&entry.path(), found)?;
        }
    }
    Ok(())
}

/// Checks that the roots and all lines of the table apply.
fn check(arguments: &Port, planned: &[plan::Planned], table: &Table) -> Result<(), Failure> {
    if planned.is_empty() {
        return Err(Failure::usage_with_help(
            "the sources contain no type of the state",
            "name one with `--root TYPE`, or a derive with `--derive NAME`",
        ));
    }
    let unused = table.unused();
    if let ([(line, name), ..], Some(path)) = (&unused[..], &arguments.table) {
        return Err(Failure::usage_with_help(
            format!("{}: line {line}: `{name}` is not a type or field of the state", path.display()),
            "fields of types that no root contains are not part of the state",
        ));
    }
    Ok(())
}
