//! Pipes and programs as sockets: pipes have no timeouts and cannot be shut down, so threads connect them with a socket.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// The other end of pipes.
#[derive(Debug)]
pub(super) struct Relay {
    /// The program that reads or writes them.
    child: Option<Child>,
    /// Disconnected when everything that was sent has reached the pipe.
    sent: Receiver<()>,
    timeout: Duration,
}

/// The time between two looks at a program.
const POLL: Duration = Duration::from_millis(1);
/// The capacity of a pipe.
const BUFFER: usize = 64 << 10;

impl Relay {
    /// Connects a pipe to write and a pipe to read. Returns the socket that replaces them.
    pub(super) fn new(to: Option<File>, from: Option<File>, timeout: Duration) -> io::Result<(Self, OwnedFd)> {
        let (near, far) = UnixStream::pair()?;
        let (done, sent) = mpsc::channel();
        let reader = far.try_clone()?;
        thread::spawn(move || {
            let _done = done;
            forward(reader, to);
        });
        thread::spawn(move || backward(from, &far));
        Ok((Self { child: None, sent, timeout }, near.into()))
    }

    /// Runs a program, whose standard input and output are the pipes.
    pub(super) fn run(arguments: &[String], timeout: Duration) -> io::Result<(Self, OwnedFd)> {
        let (program, rest) = arguments.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut child = Command::new(program).args(rest).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let to = child.stdin.take().map(|pipe| File::from(OwnedFd::from(pipe)));
        let from = child.stdout.take().map(|pipe| File::from(OwnedFd::from(pipe)));
        let (mut relay, socket) = Self::new(to, from, timeout)?;
        relay.child = Some(child);
        Ok((relay, socket))
    }

    /// Ends the program at once.
    pub(super) fn abort(&mut self) {
        self.timeout = Duration::ZERO;
    }
}

/// Waits until the pipe has everything that was sent, and until the program has ended, after the socket was shut down.
impl Drop for Relay {
    fn drop(&mut self) {
        let deadline = Instant::now() + self.timeout;
        let _ = self.sent.recv_timeout(self.timeout);
        let Some(child) = &mut self.child else { return };
        // QEMU ignores the exit status, too (`qio_channel_command_close` in `io/channel-command.c`), and waits without a
        // limit.
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() >= deadline {
                let _ = child.kill();
                let _ = child.wait();
                return;
            }
            thread::sleep(POLL);
        }
    }
}

/// Writes everything from the socket to the pipe, and closes it at the end.
fn forward(mut from: UnixStream, to: Option<File>) {
    if let Some(mut to) = to {
        // A program that does not read its input ends it: the sender finds a closed connection.
        let _ = copy(&mut from, &mut to);
    }
    let _ = from.shutdown(Shutdown::Read);
}

/// Writes everything from the pipe to the socket, and ends this direction.
fn backward(from: Option<File>, mut to: &UnixStream) {
    if let Some(mut from) = from {
        let _ = copy(&mut from, &mut to);
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Copies all bytes. `std::io::copy` uses `splice`, which waits for a socket while it holds the lock of the pipe, so that
/// the reader of the pipe does not get the bytes before the next ones arrive.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(buffer.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::socket::Socket;
    use super::*;

    fn run(command: &str, timeout: Duration) -> (Relay, Socket) {
        let arguments = ["/bin/sh", "-c", command].map(str::to_owned);
        let (relay, socket) = Relay::run(&arguments, timeout).unwrap();
        (relay, Socket::new(socket, timeout).unwrap())
    }

    #[test]
    fn program_reads_and_answers() {
        let (_relay, socket) = run("head -c 5; echo bye", Duration::from_secs(30));
        let mut file = socket.file().unwrap();
        file.write_all(b"hello").unwrap();
        let mut answer = String::new();
        file.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "hellobye\n");
    }

    #[test]
    fn everything_arrives_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy");
        let (relay, socket) = run(&format!("sleep 0.05; cat > {}", path.display()), Duration::from_secs(30));
        let bytes = vec![7; 1 << 20];
        socket.file().unwrap().write_all(&bytes).unwrap();
        socket.shut_down();
        drop((socket, relay));
        assert!(std::fs::read(path).unwrap() == bytes);
    }

    #[test]
    fn program_that_does_not_end_is_killed() {
        let start = Instant::now();
        let (relay, socket) = run("sleep 60", Duration::from_millis(50));
        let error = socket.file().unwrap().write_all(&vec![0; 16 << 20]).unwrap_err();
        assert!(super::super::socket::is_timeout(&error), "{error}");
        socket.shut_down();
        drop((socket, relay));
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn program_that_ends_early_closes_the_connection() {
        let (_relay, socket) = run("exit 3", Duration::from_secs(30));
        let mut file = socket.file().unwrap();
        assert_eq!(file.read(&mut [0; 1]).unwrap(), 0);
        let error = (0..100).find_map(|_| file.write_all(&[0; 65536]).err()).expect("a closed pipe");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
