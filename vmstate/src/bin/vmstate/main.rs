//! The command line tool: looks into QEMU's migration streams and writes them again.
#![deny(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

mod args;
mod check;
mod diff;
mod dump;
mod failure;
mod import;
mod info;
mod input;
mod mapped;
mod output;
mod progress;
mod report;
mod rewrite;
mod schema;
mod select;
mod set;
mod shapes;
mod shell;
mod strip;
mod survey;
mod text;

use args::{Arguments, Command};
use failure::Failure;

/// What a command that did its work has to say.
enum Answer {
    Fine,
    Different,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.color.write_global();
    match run(&arguments) {
        Ok(Answer::Fine) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Ok(Answer::Different) => ExitCode::from(1),
        Err(failure) => {
            failure.report();
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Answer, Failure> {
    let json = arguments.json;
    match &arguments.command {
        Command::Info(info) => info::run(info, json),
        Command::Dump(dump) => dump::run(dump, json),
        Command::Diff(diff) => diff::run(diff, json),
        Command::Report(report) => report::run(report, json),
        Command::Check(check) => check::run(check, json),
        Command::Schema(schema) => schema::run(schema),
        Command::Rewrite(files) => rewrite::run(files, json),
        Command::Strip(files) => strip::run(files, json),
        Command::Set(set) => set::run(set, json),
        Command::Import(import) => import::run(import),
        Command::Completions(completions) => shell::completions(completions),
        Command::Man(man) => shell::man(man),
    }
}
