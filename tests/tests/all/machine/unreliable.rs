//! Connections and memory that fail at every call: the sender can send again, the receiver rolls back, nothing blocks
//! forever, and errors name the cause.

use std::cell::Cell;
use std::env;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use vmstate::error::Blame;
use vmstate::machine::{LoadOptions, LocalMachine, Trailer};
use vmstate::memory::{MemoryError, PageSize, RamBlock, VecBlock};
use vmstate::prelude::*;
use vmstate::stream::Configuration;

use super::devices::{Board, PAGE};

/// A failure of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Error(ErrorKind),
    /// It moves one byte.
    Short,
    /// It moves none.
    Nothing,
}

const FAULTS: [Fault; 7] = [
    Fault::Error(ErrorKind::Interrupted),
    Fault::Error(ErrorKind::WouldBlock),
    Fault::Error(ErrorKind::TimedOut),
    Fault::Error(ErrorKind::BrokenPipe),
    Fault::Error(ErrorKind::Other),
    Fault::Short,
    Fault::Nothing,
];

impl Fault {
    /// Returns whether the caller continues after it.
    fn is_harmless(self) -> bool {
        matches!(self, Self::Short | Self::Error(ErrorKind::Interrupted))
    }

    /// Returns the result of a call that could transfer `bytes`.
    fn strike(self, bytes: usize) -> io::Result<usize> {
        match self {
            Self::Error(kind) => Err(kind.into()),
            Self::Short => Ok(bytes.min(1)),
            Self::Nothing => Ok(0),
        }
    }
}

/// A connection that takes and gives a few bytes at a time, and fails at one call.
struct Unreliable<T> {
    inner: T,
    bite: usize,
    /// The calls until the fault.
    left: usize,
    fault: Fault,
    calls: usize,
}

impl<T> Unreliable<T> {
    fn new(inner: T, bite: usize, left: usize, fault: Fault) -> Self {
        Self { inner, bite, left, fault, calls: 0 }
    }

    /// Returns the number of bytes that this call may transfer.
    fn call(&mut self, wanted: usize) -> io::Result<usize> {
        self.calls += 1;
        if self.calls == self.left + 1 { self.fault.strike(wanted) } else { Ok(self.bite) }
    }
}

impl<T: Read> Read for Unreliable<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.call(into.len())?.min(into.len());
        self.inner.read(&mut into[..count])
    }
}

impl<T: Write> Write for Unreliable<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.call(bytes.len())?.min(bytes.len());
        self.inner.write(&bytes[..count])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The cause of an error that a connection made.
fn cause<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e io::Error> {
    error.source().and_then(|cause| cause.downcast_ref())
}

/// Returns whether the error reports a truncated stream. A truncated name of a subsection is not a subsection, so that the
/// footer is missing.
fn is_cut(error: &LoadError) -> bool {
    error.is_truncated() || error.found() == "0x05"
}

#[test]
fn any_failing_write_fails_the_save() {
    let mut board = Board::busy();
    let (before, stream) = (board.copy(), board.saved());
    let mut whole = Unreliable::new(Vec::new(), 64, usize::MAX - 1, Fault::Nothing);
    board.machine().save(&mut whole).unwrap();
    for call in 0..whole.calls {
        for fault in FAULTS {
            let mut out = Unreliable::new(Vec::new(), 64, call, fault);
            let saved = board.machine().save(&mut out);
            assert!(stream.starts_with(&out.inner), "{call} {fault:?}: other bytes");
            match saved {
                Ok(_) => assert!(fault.is_harmless() && out.inner == stream, "{call} {fault:?}"),
                Err(error) => {
                    assert!(!fault.is_harmless(), "{call} {fault:?}: {error}");
                    let expected = if let Fault::Error(kind) = fault { kind } else { ErrorKind::WriteZero };
                    assert_eq!(cause(&error).map(io::Error::kind), Some(expected), "{call}: {error}");
                }
            }
            assert_eq!(board, before, "{call} {fault:?}: the sender is harmed");
        }
    }
    assert_eq!(board.saved(), stream);
    println!("{} writes failed in {} ways", whole.calls, FAULTS.len());
}

#[test]
fn any_failing_read_rolls_back() {
    let stream = Board::busy().saved();
    let board = Board::other();
    let mut whole = Unreliable::new(&stream[..], 64, usize::MAX - 1, Fault::Nothing);
    let options = || LoadOptions::new().trailer(Trailer::Ignore);
    board.copy().machine().load_with(&mut Reader::from_read(&mut whole), options()).unwrap();
    for call in 0..whole.calls {
        for fault in FAULTS {
            let mut tried = board.copy();
            let source = Unreliable::new(&stream[..], 64, call, fault);
            let loaded = tried.machine().load_with(&mut Reader::from_read(source), options());
            match loaded {
                // Bytes after an empty read that no section needs do not fail the load.
                Ok(_) => {
                    assert!(fault.is_harmless() || fault == Fault::Nothing, "{call} {fault:?}");
                    assert_eq!(tried.saved(), stream, "{call} {fault:?}");
                }
                Err(error) => {
                    assert!(!fault.is_harmless(), "{call} {fault:?}: {error}");
                    assert_eq!(tried, board, "{call} {fault:?}: the receiver is harmed");
                    match fault {
                        Fault::Error(kind) => {
                            assert_eq!(error.blame(), Blame::Transport, "{call}: {error}");
                            assert_eq!(cause(&error).map(io::Error::kind), Some(kind), "{call}: {error}");
                        }
                        _ => assert!(is_cut(&error), "{call}: {error}"),
                    }
                }
            }
        }
    }
    println!("{} reads failed in {} ways", whole.calls, FAULTS.len());
}

/// Memory that fails or panics at one access and never again, because rollback writes, too.
struct Refusing<'c> {
    memory: VecBlock,
    /// The accesses until then, to any block.
    left: &'c Cell<usize>,
    panics: bool,
}

impl Refusing<'_> {
    fn refuses(&self) -> bool {
        let refuses = self.left.get() == 0;
        self.left.set(self.left.get().wrapping_sub(1));
        assert!(!(refuses && self.panics), "the memory panics");
        refuses
    }
}

impl RamBlock for Refusing<'_> {
    fn idstr(&self) -> &str {
        self.memory.idstr()
    }

    fn size(&self) -> u64 {
        self.memory.size()
    }

    fn read(&self, offset: u64, page: &mut [u8]) -> Result<(), MemoryError> {
        self.memory.read(offset, page)
    }

    fn write(&self, offset: u64, page: &[u8]) -> Result<(), MemoryError> {
        if self.refuses() {
            return Err(MemoryError::custom("the host has taken the memory away"));
        }
        self.memory.write(offset, page)
    }
}

#[test]
fn memory_that_fails_at_any_page_rolls_back() {
    let stream = Board::busy().saved();
    let (mut refused, mut panicked) = (0, 0);
    for (left, panics) in (0..20).flat_map(|left| [(left, false), (left, true)]) {
        let mut board = Board::other();
        let before = board.copy();
        let memory = std::mem::take(&mut board.ram);
        let left = Cell::new(left);
        let mut blocks: Vec<_> = memory.into_iter().map(|memory| Refusing { memory, left: &left, panics }).collect();
        let mut machine = LocalMachine::new_local();
        machine.set_configuration(Configuration::new("board"));
        let [first, second] = &mut board.uarts;
        machine.register_ram(PageSize::new(PAGE).unwrap(), &mut blocks[..]).unwrap();
        machine.register("serial", first).unwrap();
        machine.register("serial", second).unwrap();
        machine.register("pic", board.pic.clone()).unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| machine.load(&stream[..]).map(drop)));
        drop(machine);
        match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => {
                refused += 1;
                let said = error.to_string();
                // Pages that become zero are written last, when all sections have come.
                assert!(said.contains("ram") && said.contains("the host has taken the memory away"), "{said}");
            }
            Err(_) => panicked += 1,
        }
        board.ram = blocks.into_iter().map(|block| block.memory).collect();
        assert_eq!(board, before, "{left:?} {panics}");
    }
    assert!(refused > 2 && panicked > 2, "{refused} {panicked}");
}

/// The timeout of every test.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns a pair of sockets with timeouts.
fn pair() -> (UnixStream, UnixStream) {
    let (one, other) = UnixStream::pair().unwrap();
    for end in [&one, &other] {
        end.set_read_timeout(Some(PATIENCE)).unwrap();
        end.set_write_timeout(Some(PATIENCE)).unwrap();
    }
    (one, other)
}

#[test]
fn lost_sender_at_any_byte_rolls_back() {
    let stream = Board::busy().saved();
    let board = Board::other();
    let end = board.copy().machine().load(&stream[..]).unwrap().bytes;
    for length in 0..usize::try_from(end).unwrap() {
        let (mut sender, receiver) = pair();
        let mut tried = board.copy();
        let sent = &stream[..length];
        let loaded = thread::scope(|scope| {
            scope.spawn(move || {
                sender.write_all(sent).unwrap();
                sender.shutdown(Shutdown::Both).unwrap();
            });
            tried.machine().load(receiver).map(drop)
        });
        let error = loaded.expect_err("a stream that was cut");
        assert!(is_cut(&error), "{length}: {error}");
        assert_eq!(tried, board, "{length}");
    }
}

/// A connection whose receiver disappears after a number of bytes. The sender waits until it has.
struct Outliving<'t> {
    sender: UnixStream,
    left: usize,
    receiver: Option<ScopedJoinHandle<'t, ()>>,
}

impl Write for Outliving<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match self.left {
            0 => {
                self.receiver.take().into_iter().for_each(|receiver| receiver.join().unwrap());
                bytes.len()
            }
            left => left.min(bytes.len()),
        };
        let sent = self.sender.write(&bytes[..count])?;
        self.left = self.left.saturating_sub(sent);
        Ok(sent)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sender.flush()
    }
}

#[test]
fn lost_receiver_at_any_byte_is_an_error() {
    let mut board = Board::busy();
    let (before, stream) = (board.copy(), board.saved());
    for left in (0..stream.len()).step_by(3) {
        let (sender, mut receiver) = pair();
        let error = thread::scope(|scope| {
            let receiver = scope.spawn(move || {
                receiver.read_exact(&mut vec![0; left]).unwrap();
                receiver.shutdown(Shutdown::Both).unwrap();
            });
            board.machine().save(Outliving { sender, left, receiver: Some(receiver) }).unwrap_err()
        });
        let kind = cause(&error).map(io::Error::kind);
        assert!(matches!(kind, Some(ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)), "{left}: {error}");
        assert_eq!(board, before, "{left}");
    }
    assert_eq!(board.saved(), stream, "the guest runs on and can be sent again");
}

/// The timeout of a silent peer. The library has no timeouts, so the connection has to.
const SILENCE: Duration = Duration::from_millis(20);

/// A connected peer that stops is an error of the connection, if it has a timeout.
#[test]
fn silent_peer_is_an_error_after_the_timeout() {
    let (mut other, before) = (Board::other(), Board::other());
    let stream = Board::busy().saved();
    let end = before.copy().machine().load(&stream[..]).unwrap().bytes;
    for length in (0..usize::try_from(end).unwrap()).step_by(97) {
        let (mut silent, receiver) = pair();
        receiver.set_read_timeout(Some(SILENCE)).unwrap();
        silent.write_all(&stream[..length]).unwrap();
        let error = other.machine().load(&receiver).map(drop).unwrap_err();
        let kind = cause(&error).map(io::Error::kind);
        assert!(matches!(kind, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut)), "{length}: {error}");
        assert_eq!((error.blame(), &other), (Blame::Transport, &before), "{length}");
    }

    // A receiver that takes no more than its socket holds.
    let mut board = Board::busy();
    board.ram[0] = VecBlock::new("ram", vec![0x55; 8 << 20]);
    let (before, stream) = (board.copy(), board.saved());
    let (sender, _silent) = pair();
    sender.set_write_timeout(Some(SILENCE)).unwrap();
    let error = board.machine().save(sender).unwrap_err();
    let kind = cause(&error).map(io::Error::kind);
    assert!(matches!(kind, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut)), "{error}");
    assert!(board == before && board.saved() == stream, "the guest runs on and can be sent again");
}

/// The environment variable with the socket of the other process.
const SOCKET: &str = "VMSTATE_TEST_SOCKET";

/// The receiver: takes the beginning of the machine and then does nothing more. A test only where it was started as one.
#[test]
fn receiver_process_to_be_killed() {
    let Some(path) = env::var_os(SOCKET) else { return };
    let mut connection = UnixStream::connect(path).unwrap();
    connection.read_exact(&mut [0; 1000]).unwrap();
    thread::sleep(PATIENCE);
}

#[test]
fn sender_survives_killed_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut receiver = Command::new(env::current_exe().unwrap())
        .args(["--exact", "machine::unreliable::receiver_process_to_be_killed"])
        .env(SOCKET, &socket)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (connection, _) = listener.accept().unwrap();
    connection.set_write_timeout(Some(PATIENCE)).unwrap();

    // More than the socket holds: the sender waits in the middle of it.
    let mut board = Board::busy();
    board.ram[0] = VecBlock::new("ram", vec![0x55; 8 << 20]);
    let (before, stream) = (board.copy(), board.saved());
    let killed = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        receiver.kill().unwrap();
        receiver.wait().unwrap()
    });
    let error = board.machine().save(connection).unwrap_err();
    assert!(!killed.join().unwrap().success());
    let kind = cause(&error).map(io::Error::kind);
    assert!(matches!(kind, Some(ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)), "{error}");
    assert_eq!(board, before);
    assert_eq!(board.saved(), stream, "the guest runs on and can be sent again");
}
