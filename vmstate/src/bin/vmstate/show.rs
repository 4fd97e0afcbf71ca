//! `vmstate show`: explains a recorded migration.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use vmstate::migration::conversation::{ConversationReader, Explainer, Explanation, MigrationOutcome};
use vmstate::report::timeline;

use crate::args;
use crate::failure::Failure;
use crate::input::is_stdio;
use crate::outcome::Outcome;
use crate::output::{self, Output};

pub(crate) fn run(arguments: &args::Show, json: bool) -> Result<Outcome, Failure> {
    let path = &arguments.file;
    let explanation = if is_stdio(path) {
        read(io::stdin().lock(), "standard input")
    } else {
        read(File::open(path).map_err(Failure::file("cannot open", path))?, &path.display().to_string())
    }?;
    if let Some(output) = &arguments.html {
        write_page(&explanation, path, output)?;
    }
    if !arguments.html.as_deref().is_some_and(is_stdio) {
        print(&explanation, json)?;
    }
    Ok(outcome(&explanation))
}

/// Prints an explanation as text or JSON.
pub(crate) fn print(explanation: &Explanation, json: bool) -> Result<(), Failure> {
    if json { output::print_json(explanation) } else { output::print(&explanation.to_string()) }
}

/// Returns the result of a command that explains a migration.
pub(crate) fn outcome(explanation: &Explanation) -> Outcome {
    Outcome::of_comparison(explanation.outcome == MigrationOutcome::Completed)
}

fn read(file: impl Read, name: &str) -> Result<Explanation, Failure> {
    let explained = ConversationReader::new(BufReader::new(file)).and_then(|mut reader| Explainer::read(&mut reader));
    explained.map_err(|error| Failure::usage(format!("{name}: {error}")))
}

fn write_page(explanation: &Explanation, path: &Path, output: &Path) -> Result<(), Failure> {
    let page = timeline::html(&path.display().to_string(), explanation);
    let mut output = Output::create(output, &[path])?;
    output.write_all(page.as_bytes()).map_err(|error| output.failed(error))?;
    output.finish()
}
