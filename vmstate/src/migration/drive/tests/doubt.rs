//! The connection is lost when the machine is loaded: both guests are stopped, and an operator decides.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::*;
use crate::stream::{Decoded, DestinationState, ReturnPathMessage};

/// A proxy that loses the first connection in place of the right to run, which follows the report that the machine is loaded.
fn lossy(folder: &Folder) -> Uri {
    let listener = UnixListener::bind(folder.path("proxy")).unwrap();
    let target = folder.path("guest");
    thread::spawn(move || {
        let mut is_first = true;
        while let Ok((client, _)) = listener.accept() {
            let server = UnixStream::connect(&target).unwrap();
            let loses = Arc::new(AtomicBool::new(false));
            let (from, to, lost) = (client.try_clone().unwrap(), server.try_clone().unwrap(), loses.clone());
            thread::spawn(move || copy(from, to, |_| lost.load(Ordering::Acquire)));
            let mut messages = Vec::new();
            thread::spawn(move || {
                copy(server, client, |bytes| {
                    messages.extend_from_slice(bytes);
                    let is_loaded = reports_loaded(&mut messages);
                    loses.fetch_or(is_first && is_loaded, Ordering::AcqRel);
                    false
                });
            });
            is_first = false;
        }
    });
    Uri::Unix(folder.path("proxy"))
}

/// Copies until the end, or until bytes are lost with the connection.
fn copy(mut from: UnixStream, mut to: UnixStream, mut loses: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if loses(&buffer[..count]) {
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            return;
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Takes whole messages off, and returns whether one of them reports that the machine is loaded.
fn reports_loaded(messages: &mut Vec<u8>) -> bool {
    let mut reports = false;
    while let Ok(Decoded::Item(message, used)) = ReturnPathMessage::decode(messages, 0) {
        reports |= matches!(message, ReturnPathMessage::Status { state: DestinationState::Loaded, .. });
        messages.drain(..used);
    }
    reports
}

/// Starts a destination, and a source that the connection is lost for. Calls `decide` with both when the source is in doubt.
fn migrate_in_doubt(decide: impl Fn(&OutgoingControl, &IncomingControl)) -> Ended {
    let folder = tempfile();
    let incoming = Incoming::listen(&Uri::Unix(folder.path("guest")), Parameters::default()).unwrap();
    let destination_control = incoming.control();
    let loading: JoinHandle<_> = thread::spawn(move || {
        let mut destination = Board::destination();
        let loaded = incoming.run(&mut destination);
        (destination, loaded)
    });
    let mut source = Board::source();
    let mut outgoing = Outgoing::start(&mut source, &lossy(&folder), Parameters::default()).unwrap();
    let control = outgoing.control();
    let mut events = Vec::new();
    for event in outgoing.events() {
        if event == Event::Status(MigrationStatus::Doubt) {
            decide(&control, &destination_control);
        }
        events.push(event);
    }
    let status = outgoing.statistics().status;
    drop(outgoing);
    Ended { source: (source, events, status), destination: loading.join().unwrap() }
}

#[test]
fn source_in_doubt_asks_again() {
    let ended = migrate_in_doubt(|source, _| source.send(SourceControl::Recover));
    check_moved(&ended);
    assert!(ended.source.1.contains(&Event::Status(MigrationStatus::Doubt)), "{:?}", ended.source.1);
}

#[test]
fn destination_whose_source_is_dead_runs_by_force() {
    let ended = migrate_in_doubt(|source, destination| {
        destination.force_run();
        source.send(SourceControl::Abandon);
    });
    check_moved(&ended);
}

#[test]
fn guest_returns_from_a_cancelled_destination() {
    let ended = migrate_in_doubt(|source, destination| {
        destination.cancel();
        source.send(SourceControl::ForceRun);
    });
    let ((source, events, status), (destination, loaded)) = (&ended.source, &ended.destination);
    assert_eq!(*status, MigrationStatus::Failed, "{events:?}");
    assert!(source.runs && !destination.runs);
    assert!(loaded.is_err());
}
