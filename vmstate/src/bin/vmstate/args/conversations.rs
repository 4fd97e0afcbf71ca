//! The arguments of the commands `record` and `show`.

use std::path::PathBuf;

use clap::Args;
use vmstate::migration::Uri;

/// Record a migration between two QEMUs as a proxy
///
/// Start the destination with its usual address, for example `-incoming tcp:0:4444`, and migrate to LISTEN instead.
/// Nothing is changed, added or delayed: each connection, including data channels and recoveries, is forwarded to CONNECT.
/// FILE contains everything that was forwarded, also after the recorder is killed. It is as large as the migration and
/// contains the guest's memory.
///
/// The command ends when the migration has ended, and prints its explanation, as `vmstate show` does. After SIGINT or
/// SIGTERM it accepts no connection and ends with the open ones; a second signal ends it at once.
#[derive(Debug, Args)]
#[command(after_help = RECORD_EXAMPLE)]
pub(crate) struct Record {
    /// Address for the source: `tcp:HOST:PORT` or `unix:PATH`
    pub(crate) listen: Uri,

    /// Address of the destination
    pub(crate) connect: Uri,

    /// Conversation to write; an existing file is not replaced
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// Explain a recorded migration
///
/// Prints the outcome, the first event that led to a failure, the states and the knowledge of both sides, and figures:
/// passes over memory, pages, rates, and the downtime with its parts. Exits with status 1 if the migration did not
/// complete.
///
/// Times are the times at which the recorder saw the bytes. A reason that a side has only in its log is not part of the
/// conversation.
#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLE)]
pub(crate) struct Show {
    /// Conversation; `-` is standard input
    pub(crate) file: PathBuf,

    /// Write a page with a timeline, too; `-` is standard output
    #[arg(long, value_name = "OUT")]
    pub(crate) html: Option<PathBuf>,
}

const RECORD_EXAMPLE: &str = "\
Example:
  vmstate record tcp:0.0.0.0:4445 tcp:localhost:4444 -o failed.conversation";

const SHOW_EXAMPLE: &str = "\
Examples:
  vmstate show failed.conversation
  vmstate show failed.conversation --json | jq .cause
  vmstate show failed.conversation --html timeline.html";
