//! The command line tool `vmstate`: inspects, compares and edits QEMU's migration streams.
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
mod outcome;
mod output;
#[cfg(feature = "port")]
mod port;
mod progress;
#[cfg(unix)]
mod receive;
#[cfg(unix)]
mod record;
#[cfg(unix)]
mod relay;
mod report;
mod rewrite;
mod schema;
mod schema_file;
mod select;
#[cfg(unix)]
mod send;
mod set;
mod shell;
#[cfg(unix)]
mod show;
#[cfg(unix)]
mod snapshot;
#[cfg(unix)]
mod store;
mod strip;
mod survey;
mod survey_text;
mod temporary;
mod terminal;
#[cfg(all(unix, feature = "tls"))]
mod tls;
mod value_json;

use args::{Arguments, Command};
use failure::Failure;
use outcome::Outcome;

/// The exit status of a command that failed. clap exits with the same status on bad usage.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.color.write_global();
    match run(&arguments) {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            failure.print();
            ExitCode::from(FAILED)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
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
        #[cfg(unix)]
        Command::Snapshot(snapshot) => snapshot::run(&snapshot.command, json),
        #[cfg(unix)]
        Command::Record(record) => record::run(record, json),
        #[cfg(unix)]
        Command::Show(show) => show::run(show, json),
        #[cfg(unix)]
        Command::Receive(receive) => receive::run(receive, json),
        #[cfg(unix)]
        Command::Send(send) => send::run(send, json),
        #[cfg(unix)]
        Command::Relay(relay) => relay::run(relay, json),
        Command::Import(import) => import::run(import),
        #[cfg(feature = "port")]
        Command::Port(port) => port::run(port, json),
        Command::Completions(completions) => shell::completions(completions),
        Command::Man(man) => shell::man(man),
    }
}
