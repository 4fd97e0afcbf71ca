//! The threads of one connection.

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::thread;
use std::time::Instant;

use super::super::channel::{Channel, explain};
use super::super::socket::Socket;
use super::copying::{BUFFER, Peer, copy, read};
use super::output::Output;
use super::shared::{Lost, Shared};
use super::{Conversion, RelayOutcome, no_destination};
use crate::migration::relay::RelayPhase;

/// The first byte of TLS.
const TLS: u8 = 0x16;

/// The kind of a source's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Main,
    /// A data channel (multifd).
    Data,
    /// A connection on which two peers of this library resolve a doubt.
    Session,
}

impl Kind {
    /// Returns the kind of a connection by its first bytes, which are left unread. Connections of another kind end the
    /// migration; `None` after its end.
    pub(super) fn of(shared: &Shared, source: &Channel) -> Option<Self> {
        let number = shared.lock().open(&[source])?;
        let first = source.socket().map(|socket| first_bytes(shared, socket));
        shared.lock().close(number);
        match first? {
            Ok([b'Q', b'E', b'V', b'M']) => return Some(Self::Main),
            // `MULTIFD_MAGIC` in QEMU's `migration/multifd.h`.
            Ok([0x11, 0x22, 0x33, 0x44]) => return Some(Self::Data),
            // SESSION, the command.
            Ok([0x08, 0x76, 0x01, 0x00]) => return Some(Self::Session),
            Ok([TLS, ..]) => {
                shared.fail("the source uses TLS, for which the relay has no certificate; clear `tls-creds`");
            }
            Ok(first) => shared.fail(&format!("unknown connection of the source, which begins with {first:02x?}")),
            Err(error) => shared.fail(&lost_connection("source", &explain(&error, source.ending().as_ref()))),
        }
        None
    }
}

/// Waits for the first bytes of a connection, and leaves them unread.
fn first_bytes(shared: &Shared, socket: &Socket) -> io::Result<[u8; 4]> {
    socket.set_read_timeout(Some(shared.timeout()))?;
    let first = socket.peek()?;
    socket.set_read_timeout(None)?;
    Ok(first)
}

/// Waits until the main connection is connected to the destination. Returns `false` after the end of the migration.
pub(super) fn await_main(shared: &Shared, source: &Channel) -> bool {
    let Some(number) = shared.lock().open(&[source]) else { return false };
    let has_main = shared.await_state(|state| state.has_main().then_some(())).is_some();
    shared.lock().close(number);
    if !has_main {
        shared.fail("the source has opened data channels only");
    }
    has_main
}

/// Forwards a connection to its end.
pub(super) fn run(shared: &Shared, conversion: &Conversion, kind: Kind, source: Channel, destination: Channel) {
    let Some(number) = shared.lock().open(&[&source, &destination]) else {
        shared.fail("a connection cannot be duplicated");
        return;
    };
    let is_reset = forward(shared, conversion, kind, &source, &destination);
    drop(source);
    shared.lock().close(number);
    if is_reset {
        destination.reset();
        return;
    }
    drop(destination);
}

/// Forwards a connection. Returns whether its end at the destination must be a reset, not a close.
fn forward(shared: &Shared, conversion: &Conversion, kind: Kind, source: &Channel, destination: &Channel) -> bool {
    let (Some(from), Some(to)) = (Peer::new(source), Peer::new(destination)) else { return false };
    match kind {
        Kind::Main if shared.lock().begin_main(destination) => return main(shared, conversion, source, from, to),
        Kind::Main => shared.fail("the source has opened a second main connection"),
        Kind::Data => both(from, to),
        Kind::Session => {
            both(from, to);
            shared.lock().complete(RelayOutcome::InDoubt("two peers have resolved a doubt with each other".to_owned()));
        }
    }
    false
}

/// Copies both directions of a connection to their ends.
fn both(source: Peer<'_>, destination: Peer<'_>) {
    thread::scope(|scope| {
        scope.spawn(move || copy(destination, source));
        copy(source, destination);
    });
}

/// Forwards the main connection. Returns whether its end at the destination must be a reset.
fn main(shared: &Shared, conversion: &Conversion, channel: &Channel, source: Peer<'_>, destination: Peer<'_>) -> bool {
    let is_reset = thread::scope(|scope| {
        scope.spawn(|| forward_answers(shared, source, destination));
        let whole = |mut output: Output<'_>| {
            forward_stream(shared, source, |bytes| output.pass(shared, bytes, destination.file))
        };
        let forwarded = match conversion {
            Conversion::Copied | Conversion::Recoded(_) => whole(Output::default()),
            Conversion::Split(splitting) => match splitting.start(scope, shared) {
                Ok(split) => whole(Output::split(split)),
                Err(error) => {
                    shared.fail(&no_destination(&error));
                    Ok(())
                }
            },
            Conversion::Merged(merging) => {
                let begun = merging.begin(destination.file);
                let forwarded =
                    begun.and_then(|()| forward_stream(shared, source, |bytes| merging.pass(shared, bytes)));
                merging.end();
                forwarded
            }
        };
        end_stream(shared, channel, destination, forwarded.err())
    });
    shared.lock().end_main();
    is_reset
}

/// Forwards the stream to its end. Returns an error if the connection is lost.
fn forward_stream(
    shared: &Shared,
    source: Peer<'_>,
    mut pass: impl FnMut(&[u8]) -> Result<(), Lost>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = read(source.file, &mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        match pass(buffer.get(..count).unwrap_or_default()) {
            Ok(()) => {}
            Err(Lost::Ended) => return Ok(()),
            Err(Lost::Destination(error)) => lose(shared, source, &lost_connection("destination", &error)),
        }
    }
}

fn lost_connection(peer: &str, error: &impl Display) -> String {
    format!("the {peer}'s connection is lost: {error}")
}

/// Decides about the end of the connection, after the source has ended it. Returns whether it must be a reset.
fn end_stream(shared: &Shared, source: &Channel, destination: Peer<'_>, lost: Option<io::Error>) -> bool {
    let mut state = shared.lock();
    let phase = state.relay.phase();
    if phase == RelayPhase::Confirmed && !state.relay.is_end_to_end() && !state.has_ended() {
        drop(state);
        return confirm(shared, source, destination, lost);
    }
    let reason = match lost {
        None => "the source has ended the connection".to_owned(),
        Some(error) => lost_connection("source", &error),
    };
    let outcome = match phase {
        RelayPhase::Confirmed => RelayOutcome::Completed,
        RelayPhase::Committed => {
            RelayOutcome::InDoubt(format!("{reason} before the destination has confirmed that it has the guest"))
        }
        _ => RelayOutcome::Failed(format!("{reason} {}", state.relay.place())),
    };
    state.end(outcome);
    drop(state);
    destination.socket.shut_down();
    false
}

/// Waits until the source has the confirmation, and only then lets the destination know that it was read. A destination of
/// this library runs the guest after that, so it must not see an orderly end if the source has not read it.
fn confirm(shared: &Shared, source: &Channel, destination: Peer<'_>, lost: Option<io::Error>) -> bool {
    let deadline = Some(Instant::now() + shared.timeout());
    let known = lost.map_or_else(|| source.check_closed(deadline), Err);
    if let Err(error) = &known {
        let reason = format!("the source may not know that the destination has the guest: {error}");
        shared.lock().complete(RelayOutcome::InDoubt(reason));
        return true;
    }
    destination.socket.drain();
    destination.socket.stop_writing();
    shared.lock().complete(RelayOutcome::Completed);
    false
}

/// Forwards the answers to their end. The confirmation remains unread at the destination's socket.
fn forward_answers(shared: &Shared, source: Peer<'_>, destination: Peer<'_>) {
    let mut buffer = vec![0; BUFFER];
    let reason = loop {
        match destination.socket.peek_into(&mut buffer) {
            Ok(0) => break "the destination has ended the connection".to_owned(),
            Ok(count) => match forward_answer(shared, source, destination, buffer.get_mut(..count).unwrap_or_default())
            {
                Ok(true) => {}
                Ok(false) => return,
                Err(reason) => break reason,
            },
            Err(error) => break lost_connection("destination", &error),
        }
    };
    lose(shared, source, &reason);
}

/// Forwards bytes that have arrived, and consumes them. Returns `false` after the confirmation, which is not consumed.
fn forward_answer(shared: &Shared, source: Peer<'_>, destination: Peer<'_>, bytes: &mut [u8]) -> Result<bool, String> {
    let mut state = shared.lock();
    let read = state.relay.destination_bytes(bytes);
    if let Err(error) = &read {
        // A source that is told ends its connection, which must not be taken for the cause.
        state.note_failure(&error.to_string());
    }
    let (to_source, to_destination) = (state.relay.for_source(), state.relay.for_destination());
    let is_confirmed = state.relay.phase() == RelayPhase::Confirmed && !state.relay.is_end_to_end();
    drop(state);
    let (mut back, mut forth, mut input) = (source.file, destination.file, destination.file);
    let sent = back.write_all(&to_source);
    if is_confirmed {
        return Ok(false);
    }
    read.map_err(|error| error.to_string())?;
    sent.map_err(|error| lost_connection("source", &error))?;
    let passed = forth.write_all(&to_destination).and_then(|()| input.read_exact(bytes));
    passed.map_err(|error| lost_connection("destination", &error))?;
    Ok(true)
}

/// Ends the migration, or keeps the source paused if the destination may run the guest.
fn lose(shared: &Shared, source: Peer<'_>, reason: &str) {
    let mut state = shared.lock();
    match state.relay.phase() {
        RelayPhase::Committed if state.relay.is_end_to_end() => {
            state.end(RelayOutcome::InDoubt(format!("{reason} before it has confirmed that it has the guest")));
        }
        RelayPhase::Committed => state.doubt(reason),
        // Peers with their own handshake.
        RelayPhase::Confirmed => source.socket.stop_writing(),
        _ => {
            state.note_failure(reason);
            state.shut_down();
        }
    }
}

#[cfg(test)]
mod tests;
