//! The connections of a source with several channels, which arrive in any order.

use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

use crate::migration::drive::channel::Channel;
use crate::migration::drive::listener::Listener;
use crate::migration::drive::socket::is_timeout;
use crate::migration::protocol::multifd::{Hello, MAGIC};

/// The first bytes of the main channel.
const MAIN: [u8; 4] = *b"QEVM";

/// Accepts the main channel and `channels` data channels, until `cancelled` returns `true`. The channels after the first one
/// must arrive within `patience`. All of them must have the same UUID, which is `uuid` if it is known. Returns the main channel, and the data channels in the order of their numbers.
///
/// QEMU waits for missing channels without a limit, and closes surplus ones (`multifd_recv_new_channel` in
/// `migration/multifd.c`). Here each of them is an error.
pub(in crate::migration::drive) fn accept(
    listener: &Listener,
    channels: u8,
    uuid: Option<[u8; 16]>,
    (progress, patience): (Duration, Duration),
    cancelled: impl Fn() -> bool,
) -> io::Result<Option<(Channel, Vec<Channel>)>> {
    let (mut main, mut uuid) = (None, uuid);
    let mut data: Vec<Option<Channel>> = (0..channels).map(|_| None).collect();
    let mut deadline = None;
    while main.is_none() || data.iter().any(Option::is_none) {
        let late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let Some(mut channel) = listener.accept(progress, || cancelled() || late())? else {
            return if cancelled() { Ok(None) } else { Err(missing(main.is_some(), &data)) };
        };
        deadline.get_or_insert_with(|| Instant::now() + patience);
        match identify(&mut channel, patience)? {
            None if main.is_some() => return Err(invalid("a second main channel")),
            None => main = Some(channel),
            Some(hello) => {
                check_uuid(hello, *uuid.get_or_insert(hello.uuid))?;
                match data.get_mut(usize::from(hello.id)) {
                    Some(slot @ None) => *slot = Some(channel),
                    Some(Some(_)) => return Err(invalid(format!("a second data channel {}", hello.id))),
                    None => return Err(invalid(format!("data channel {} of {channels}", hello.id))),
                }
            }
        }
    }
    Ok(main.map(|main| (main, data.into_iter().flatten().collect())))
}

fn invalid(found: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("unexpected {}", found.into()))
}

fn missing(main: bool, data: &[Option<Channel>]) -> io::Error {
    let found = data.iter().flatten().count();
    let main = if main { "" } else { "the main channel is missing; " };
    let text = format!(
        "{main}expected {} data channels, found {found}; set `multifd` and `multifd-channels` to the same values on both \
         sides",
        data.len()
    );
    io::Error::new(ErrorKind::TimedOut, text)
}

/// Reads the first message of a data channel, or returns `None` for the main channel, of which nothing is read.
fn identify(channel: &mut Channel, patience: Duration) -> io::Result<Option<Hello>> {
    let silent = |error: io::Error| match is_timeout(&error) {
        true => io::Error::new(ErrorKind::TimedOut, "a connection sends nothing"),
        false => error,
    };
    let (Some(socket), Some(input)) = (channel.socket(), channel.input.as_ref()) else {
        return Err(io::Error::new(ErrorKind::Unsupported, "several channels need sockets"));
    };
    socket.set_read_timeout(Some(patience))?;
    let first = socket.peek().map_err(silent)?;
    if first == MAIN {
        return Ok(None);
    } else if first != MAGIC {
        return Err(invalid(format!("connection that begins with {first:02x?}")));
    }
    let mut hello = [0; Hello::SIZE];
    (&mut &*input).read_exact(&mut hello).map_err(silent)?;
    let hello = Hello::decode(&hello).map_err(io::Error::other)?;
    // The main channel, or the synchronization points, limit the time that a data channel may take.
    socket.set_read_timeout(None)?;
    Ok(Some(hello))
}

fn check_uuid(hello: Hello, uuid: [u8; 16]) -> io::Result<()> {
    if hello.uuid == uuid {
        return Ok(());
    }
    let text = |uuid: [u8; 16]| {
        let [a, b, c, d, e] = [0..4, 4..6, 6..8, 8..10, 10..16]
            .map(|part| uuid[part].iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        format!("{a}-{b}-{c}-{d}-{e}")
    };
    let (found, expected) = (text(hello.uuid), text(uuid));
    let id = hello.id;
    // QEMU's words.
    let text = format!("multifd: received uuid '{found}' and expected uuid '{expected}' for channel {id}");
    Err(io::Error::new(ErrorKind::InvalidData, text))
}
