//! The arguments of the command `snapshot`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

/// List, copy, insert and delete named snapshots
///
/// STORE is a folder of snapshots, a qcow2 image, whose snapshots QEMU's `savevm` and `loadvm` save and load, or
/// `bucket:FOLDER`, where snapshots share equal parts (feature `cli-bucket`). NAME is the name of a snapshot or, if no snapshot
/// has that name, its ID. Other commands read a snapshot as `STORE#NAME`. An image must not be in use by a running QEMU. Each
/// change is atomic.
#[derive(Debug, Args)]
#[command(after_help = SNAPSHOT_EXAMPLE)]
pub(crate) struct Snapshot {
    #[command(subcommand)]
    pub(crate) command: SnapshotCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// List all snapshots
    List {
        /// Folder, qcow2 image, or `bucket:FOLDER`
        store: PathBuf,
    },
    /// Print the properties of a snapshot
    Show {
        /// Folder, qcow2 image, or `bucket:FOLDER`
        store: PathBuf,
        /// Name or ID
        name: String,
    },
    /// Copy the stream of a snapshot to a file
    Extract {
        /// Folder, qcow2 image, or `bucket:FOLDER`
        store: PathBuf,
        /// Name or ID
        name: String,
        /// Output file; `-` is standard output, and the summary goes to standard error
        #[arg(value_name = "OUT")]
        output: PathBuf,
    },
    Insert(InsertSnapshot),
    /// Delete a snapshot
    Delete {
        /// Folder, qcow2 image, or `bucket:FOLDER`
        store: PathBuf,
        /// Name or ID
        name: String,
    },
    /// Make an incremental snapshot complete, so that it needs no other one
    Merge {
        /// Folder
        store: PathBuf,
        /// Name or ID
        name: String,
    },
    /// Shorten the chain of an incremental snapshot
    ///
    /// The snapshot then contains the changes since ONTO, which must be one of its bases, and no longer needs the bases
    /// between.
    Rebase {
        /// Folder
        store: PathBuf,
        /// Name or ID
        name: String,
        /// Name or ID of the new base
        onto: String,
    },
    /// Decode all snapshots, and list invalid files
    ///
    /// Exits with status 1 if a snapshot is damaged.
    Verify {
        /// Folder, qcow2 image, or `bucket:FOLDER`
        store: PathBuf,
    },
}

/// Save a stream as a snapshot
///
/// In an image, the snapshot contains the disk as it is now. The store is unchanged if the command fails.
#[derive(Debug, Args)]
pub(crate) struct InsertSnapshot {
    /// Folder, qcow2 image, or `bucket:FOLDER`
    pub(crate) store: PathBuf,
    /// Name of the new snapshot
    pub(crate) name: String,
    /// Stream; `-` is standard input
    pub(crate) stream: PathBuf,
    /// Comment
    #[arg(long, default_value = "")]
    pub(crate) comment: String,
    /// ID of the snapshot from which the guest continued
    #[arg(long, value_name = "ID")]
    pub(crate) parent: Option<String>,
    /// Time of the guest since its start, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = parse_seconds)]
    pub(crate) guest_clock: Duration,
    /// Replace a snapshot of the same name
    #[arg(long)]
    pub(crate) replace: bool,
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

const SNAPSHOT_EXAMPLE: &str = "\
Examples:
  vmstate snapshot list disk.qcow2
  vmstate snapshot extract disk.qcow2 boot boot.state
  vmstate snapshot insert disk.qcow2 boot new.state --replace
  vmstate snapshot merge snapshots boot
  vmstate snapshot verify snapshots
  vmstate snapshot insert bucket:shared boot boot.state
  vmstate diff 'disk.qcow2#boot' 'snapshots#3'";
