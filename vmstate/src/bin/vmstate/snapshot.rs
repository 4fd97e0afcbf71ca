//! `vmstate snapshot`: lists, copies, inserts and deletes snapshots in folders, qcow2 images and buckets.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;
use vmstate::Reader;
use vmstate::snapshot::{Details, SnapshotInfo, Store};
use vmstate::stream::StreamReader;

use crate::args::{InsertSnapshot, SnapshotCommand};
use crate::failure::Failure;
use crate::input::{Input, is_stdio};
use crate::outcome::Outcome;
use crate::output::{self, Output};
use crate::store::{damage, holds_fixed_places, open, open_folder};
use crate::survey::Survey;
use crate::terminal::Align::{Left, Right};
use crate::terminal::{Table, plain, plural};

pub(crate) fn run(command: &SnapshotCommand, json: bool) -> Result<Outcome, Failure> {
    match command {
        SnapshotCommand::List { store } => list(&*open(store)?, json),
        SnapshotCommand::Show { store, name } => show(&open(store)?.find(name)?, json),
        SnapshotCommand::Extract { store, name, output } => extract(&*open(store)?, name, output, json),
        SnapshotCommand::Insert(arguments) => insert(arguments, json),
        SnapshotCommand::Delete { store, name } => {
            let deleted = open(store)?.delete(name)?;
            report(&format!("deleted {}", title(&deleted)), &deleted, json)
        }
        SnapshotCommand::Merge { store, name } => {
            let merged = open_folder(store)?.merge(name)?;
            report(&format!("merged {}", title(&merged)), &merged, json)
        }
        SnapshotCommand::Rebase { store, name, onto } => {
            let rebased = open_folder(store)?.rebase(name, onto)?;
            report(&format!("rebased {}", title(&rebased)), &rebased, json)
        }
        SnapshotCommand::Verify { store } => verify(store, json),
    }
}

/// A snapshot as JSON.
#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    /// UTC, in the format of RFC 3339.
    date: String,
    guest_clock_nanoseconds: u64,
    size: u64,
    parent: Option<String>,
    /// The snapshot whose pages an incremental one needs.
    base: Option<String>,
    comment: String,
}

impl From<&SnapshotInfo> for Row {
    fn from(snapshot: &SnapshotInfo) -> Self {
        Self {
            id: snapshot.id.clone(),
            name: snapshot.name.clone(),
            date: snapshot.utc_date(),
            guest_clock_nanoseconds: u64::try_from(snapshot.guest_clock.as_nanos()).unwrap_or(u64::MAX),
            size: snapshot.size,
            parent: snapshot.parent.clone(),
            base: snapshot.base.clone(),
            comment: snapshot.comment.clone(),
        }
    }
}

fn list(store: &dyn Store, json: bool) -> Result<Outcome, Failure> {
    let snapshots = store.list()?;
    if json {
        #[derive(Serialize)]
        struct List {
            snapshots: Vec<Row>,
        }
        output::print_json(&List { snapshots: snapshots.iter().map(Row::from).collect() })?;
        return Ok(Outcome::Success);
    }
    let mut table = Table::new([
        ("ID", Right),
        ("NAME", Left),
        ("DATE (UTC)", Left),
        ("GUEST CLOCK", Right),
        ("SIZE", Right),
        ("PARENT", Right),
        ("COMMENT", Left),
    ]);
    for snapshot in &snapshots {
        let comment = snapshot.comment.lines().next().unwrap_or_default();
        table.row([
            plain(&snapshot.id),
            plain(&snapshot.name),
            snapshot.utc_date().replace(['T', 'Z'], " ").trim_end().to_owned(),
            clock(snapshot),
            snapshot.size.to_string(),
            plain(snapshot.parent.as_deref().unwrap_or_default()),
            plain(comment),
        ]);
    }
    output::print(&table.render())?;
    Ok(Outcome::Success)
}

fn show(snapshot: &SnapshotInfo, json: bool) -> Result<Outcome, Failure> {
    if json {
        output::print_json(&Row::from(snapshot))?;
        return Ok(Outcome::Success);
    }
    let lines = [
        ("id", plain(&snapshot.id)),
        ("name", plain(&snapshot.name)),
        ("date", snapshot.utc_date()),
        ("guest clock", clock(snapshot)),
        ("size", plural(snapshot.size, "byte")),
        ("parent", plain(snapshot.parent.as_deref().unwrap_or("unknown"))),
        ("changes since", plain(snapshot.base.as_deref().unwrap_or_default())),
        ("comment", snapshot.comment.lines().map(plain).collect::<Vec<_>>().join("\n              ")),
    ];
    let lines = lines.iter().filter(|(_, value)| !value.is_empty());
    output::print(&lines.map(|(name, value)| format!("{name:<13} {value}\n")).collect::<String>())?;
    Ok(Outcome::Success)
}

fn extract(store: &dyn Store, name: &str, path: &Path, json: bool) -> Result<Outcome, Failure> {
    let mut output = Output::create(path, &[])?;
    let snapshot = store.extract(name, &mut output)?;
    output.finish()?;
    let text = format!("copied {}", title(&snapshot));
    Output::print_summary(path, &text, &Row::from(&snapshot), json)?;
    Ok(Outcome::Success)
}

fn insert(arguments: &InsertSnapshot, json: bool) -> Result<Outcome, Failure> {
    let store = open(&arguments.store)?;
    let mut details = Details::new(&arguments.name).comment(&arguments.comment).guest_clock(arguments.guest_clock);
    if let Some(parent) = &arguments.parent {
        details = details.parent(parent);
    }
    if arguments.replace {
        details = details.replace();
    }
    let mut stream: Box<dyn Read> = if is_stdio(&arguments.stream) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(&arguments.stream).map_err(Failure::file("cannot open", &arguments.stream))?)
    };
    let mut beginning = Vec::new();
    let read = stream.by_ref().take(BEGINNING).read_to_end(&mut beginning);
    read.map_err(Failure::file("cannot read", &arguments.stream))?;
    check(&beginning, arguments)?;
    let inserted = store.insert(&details, &mut beginning.chain(stream))?;
    report(&format!("inserted {}", title(&inserted)), &inserted, json)
}

/// The bytes at the beginning of a stream that contain its configuration.
const BEGINNING: u64 = 4096;

/// Checks that the input is a stream that the store's users can load.
fn check(beginning: &[u8], arguments: &InsertSnapshot) -> Result<(), Failure> {
    let name = || arguments.stream.display().to_string();
    let mut reader = Reader::from_slice(beginning);
    let stream = StreamReader::new(&mut reader).map_err(|error| Failure::Stream(name(), error))?;
    let capabilities = stream.configuration().and_then(|found| found.capabilities.as_deref()).unwrap_or_default();
    if holds_fixed_places(&arguments.store) || !capabilities.iter().any(|capability| capability == "mapped-ram") {
        return Ok(());
    }
    Err(Failure::usage_with_help(
        format!("{}: QEMU does not load memory at fixed places (mapped-ram) from an image", name()),
        "load the stream into a machine, and save it in the image or as a plain stream",
    ))
}

fn verify(path: &Path, json: bool) -> Result<Outcome, Failure> {
    let store = open(path)?;
    let snapshots = store.list()?;
    let damage = damage(path)?.into_iter();
    let mut problems: Vec<_> = damage.map(|damage| format!("{}: {}", damage.path.display(), damage.reason)).collect();
    for snapshot in snapshots.iter().filter(|snapshot| snapshot.size > 0) {
        if let Err(failure) = decode(path, snapshot) {
            problems.push(format!("{}: {}", title(snapshot), failure.message()));
        }
    }
    #[derive(Serialize)]
    struct Verified<'v> {
        snapshots: usize,
        problems: &'v [String],
    }
    if json {
        output::print_json(&Verified { snapshots: snapshots.len(), problems: &problems })?;
    } else {
        let lines: String = problems.iter().map(|problem| plain(problem) + "\n").collect();
        let counts = [plural(snapshots.len() as u64, "snapshot"), plural(problems.len() as u64, "problem")];
        output::print(&format!("{lines}{}\n", counts.join(", ")))?;
    }
    Ok(Outcome::of_comparison(problems.is_empty()))
}

/// Decodes all of a snapshot's stream.
fn decode(path: &Path, snapshot: &SnapshotInfo) -> Result<(), Failure> {
    let input = Input::open_snapshot(path, &snapshot.id)?;
    Survey::new(&input, |_, _| ()).map(drop)
}

fn report(text: &str, snapshot: &SnapshotInfo, json: bool) -> Result<Outcome, Failure> {
    let printed = if json { output::print_json(&Row::from(snapshot)) } else { output::print(&format!("{text}\n")) };
    printed.map(|()| Outcome::Success)
}

fn title(snapshot: &SnapshotInfo) -> String {
    format!("snapshot {} `{}`, {}", plain(&snapshot.id), plain(&snapshot.name), plural(snapshot.size, "byte"))
}

/// Formats the time of the guest as in QEMU's `info snapshots`, with days in the hours.
fn clock(snapshot: &SnapshotInfo) -> String {
    let (seconds, milliseconds) = (snapshot.guest_clock.as_secs(), snapshot.guest_clock.subsec_millis());
    format!("{:02}:{:02}:{:02}.{milliseconds:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
