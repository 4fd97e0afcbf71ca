//! The connections of a source with several channels, which arrive in any order.

use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

use crate::migration::drive::channel::Channel;
use crate::migration::drive::listener::{Listener, POLL};
use crate::migration::drive::socket::{Socket, is_timeout};
use crate::migration::protocol::multifd::{Hello, MAGIC};

/// The first bytes of the main channel.
const MAIN: [u8; 4] = *b"QEVM";

/// The time between two looks at connections that have sent nothing.
const PAUSE: Duration = Duration::from_millis(2);

/// The channels that have sent their first message.
struct Arrived {
    main: Option<Channel>,
    data: Vec<Option<Channel>>,
    uuid: Option<[u8; 16]>,
}

/// Accepts the main channel and the data channels, until `cancelled` returns `true`. When the first one has arrived, `expected`
/// returns the number of data channels, and the time within which each other one must arrive and send its first message. All of
/// them must have the same UUID, which is `uuid` if it is known. Returns the main channel, and the data channels in the order of
/// their numbers.
///
/// The order of their first messages is unknown, too: with TLS, QEMU begins the stream after the handshakes of all channels.
/// QEMU waits for missing channels without a limit, and closes surplus ones (`multifd_recv_new_channel` in
/// `migration/multifd.c`). Here each of them is an error.
pub(in crate::migration::drive) fn accept(
    listener: &Listener,
    expected: impl Fn() -> (u8, Duration),
    uuid: Option<[u8; 16]>,
    progress: Duration,
    cancelled: impl Fn() -> bool,
    on_rejected: &mut dyn FnMut(String),
) -> io::Result<Option<(Channel, Vec<Channel>)>> {
    let mut arrived = Arrived { main: None, data: Vec::new(), uuid };
    let (mut silent, mut deadline): (Vec<Channel>, _) = (Vec::new(), None);
    let mut patience = Duration::ZERO;
    while !arrived.is_complete() {
        let late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let until = || cancelled() || late() || listener.has_rejections() || silent.iter().any(has_begun);
        let pause = if silent.is_empty() { POLL } else { PAUSE };
        let accepted = listener.accept_within(progress, pause, until)?;
        listener.take_rejections().into_iter().for_each(&mut *on_rejected);
        match accepted {
            Some(_) if silent.len() > arrived.data.len() => return Err(surplus()),
            Some(channel) => {
                if deadline.is_none() {
                    let (channels, time) = expected();
                    patience = time;
                    arrived.data.resize_with(channels.into(), || None);
                }
                silent.push(channel);
                deadline = Some(Instant::now() + patience);
            }
            None if cancelled() => return Ok(None),
            None if late() && silent.is_empty() => return Err(arrived.missing()),
            None if late() => return Err(is_silent()),
            None => {}
        }
        for channel in silent.extract_if(.., |channel| has_begun(channel)) {
            arrived.add(channel, patience)?;
        }
    }
    // It may be a data channel whose first message was delayed.
    if !silent.is_empty() {
        return Err(surplus());
    }
    let Arrived { main, data, .. } = arrived;
    Ok(main.map(|main| (main, data.into_iter().flatten().collect())))
}

/// Returns whether a connection has sent its first bytes, or has ended.
fn has_begun(channel: &Channel) -> bool {
    channel.socket().is_none_or(Socket::has_first_bytes)
}

impl Arrived {
    fn is_complete(&self) -> bool {
        self.main.is_some() && self.data.iter().all(Option::is_some)
    }

    fn add(&mut self, mut channel: Channel, patience: Duration) -> io::Result<()> {
        let Some(hello) = identify(&mut channel, patience)? else {
            return match self.main.replace(channel) {
                None => Ok(()),
                Some(_) => Err(invalid("a second main channel")),
            };
        };
        check_uuid(hello, *self.uuid.get_or_insert(hello.uuid))?;
        match self.data.get_mut(usize::from(hello.id)) {
            Some(slot @ None) => *slot = Some(channel),
            Some(Some(_)) => return Err(invalid(format!("a second data channel {}", hello.id))),
            None => return Err(invalid(format!("data channel {} of {}", hello.id, self.data.len()))),
        }
        Ok(())
    }

    fn missing(&self) -> io::Error {
        missing(self.main.is_some(), &self.data)
    }
}

fn surplus() -> io::Error {
    invalid("data channel after the last one; set `multifd-channels` to the same value on both sides")
}

fn is_silent() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "a connection sends nothing")
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
        true => is_silent(),
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
