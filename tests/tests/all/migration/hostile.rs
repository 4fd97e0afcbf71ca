//! Hostile and odd input at the destination: a recorded stream with one change.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;

use vmstate::machine::{LoadOptions, Rules, Unknown};
use vmstate::migration::{Incoming, Parameters, Uri};

use super::destination::Recorded;
use super::recordings::RECORDINGS;
use super::verdict::Verdict::{self, Differs, Same};

/// The recorded stream, and the places for changes.
struct Stream {
    bytes: Vec<u8>,
    /// The first byte after the first commands, where START begins.
    start: usize,
    /// The end mark.
    end: usize,
}

impl Stream {
    fn recorded() -> Self {
        let recording = RECORDINGS.iter().find(|recording| recording.name == "qemu-10.0-precopy").unwrap();
        let bytes = recording.stream();
        let start = bytes.windows(9).position(|window| window == b"\x08\0\x02\0\x04\0\0\0\x01").unwrap() + 9;
        let description = bytes.windows(2).rposition(|window| window == b"{\"").unwrap();
        let whole = (0..=description).rev().find(|at| bytes[*at..].starts_with(b"\0\x06")).unwrap();
        Self { bytes, start, end: whole }
    }

    /// Inserts bytes after the first commands.
    fn insert(mut self, bytes: &[u8]) -> Vec<u8> {
        self.bytes.splice(self.start..self.start, bytes.iter().copied());
        self.bytes
    }

    /// Replaces the first occurrence of `from`.
    fn replace(mut self, from: &[u8], to: &[u8]) -> Vec<u8> {
        let place = self.bytes.windows(from.len()).position(|window| window == from).expect("a place");
        self.bytes.splice(place..place + from.len(), to.iter().copied());
        self.bytes
    }

    /// Keeps only the beginning up to `length`, and adds the end.
    fn shorten(mut self, length: usize) -> Vec<u8> {
        let end = self.bytes.split_off(self.end);
        self.bytes.truncate(length);
        [self.bytes, end].concat()
    }
}

/// Loads a stream. Returns the messages of the destination, and whether it runs the guest.
fn load(stream: Vec<u8>) -> (Vec<u8>, Result<(), String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let uri = Uri::Unix(path.to_str().unwrap().to_owned());
    let rules = Rules::default().unknown(Unknown::PassThrough);
    let incoming = Incoming::listen(&uri, Parameters::default()).unwrap().load_options(LoadOptions::new().rules(rules));
    let source = thread::spawn(move || {
        let mut socket = UnixStream::connect(path).unwrap();
        let _ = socket.write_all(&stream);
        let mut answer = Vec::new();
        // A source closes the connection when it has read SHUT.
        let mut message = [0; 8];
        while !answer.ends_with(b"\0\x01\0\x04\0\0\0\0") {
            match socket.read(&mut message) {
                Ok(count) if count > 0 => answer.extend(&message[..count]),
                _ => break,
            }
        }
        let _ = socket.shutdown(Shutdown::Both);
        answer
    });
    let mut host = Recorded::new(&Stream::recorded().bytes);
    let loaded = incoming.run(&mut host).map_err(|error| error.to_string());
    (source.join().unwrap(), loaded)
}

/// The expected result.
enum Expected {
    /// The guest runs, after these PONGs.
    Completes(&'static [u32]),
    /// The error contains this text.
    Rejects(&'static str),
}

use Expected::{Completes, Rejects};

fn rows() -> Vec<(&'static str, Vec<u8>, Expected, Verdict)> {
    let new = Stream::recorded;
    let of_version = |version: u8| {
        let mut stream = new().bytes;
        stream[7] = version;
        stream
    };
    let mut wrong_magic = new().bytes;
    wrong_magic[0] = b'q';
    let configured = |capability: &str| {
        let mut subsection = b"microvm\x05\x1aconfiguration/capabilities\0\0\0\x01\0\0\0\x01".to_vec();
        subsection.push(u8::try_from(capability.len()).unwrap());
        subsection.extend(capability.bytes());
        new().replace(b"microvm", &subsection)
    };
    let start = new().start;
    vec![
        ("unchanged", new().bytes, Completes(&[1]), Same),
        ("wrong magic", wrong_magic, Rejects("QEVM"), Same),
        ("version 2", of_version(2), Rejects("version"), Same),
        ("version 4", of_version(4), Rejects("version"), Same),
        ("command 0", new().insert(b"\x08\0\0\0\0"), Rejects("command"), Same),
        ("unknown command", new().insert(b"\x08\0\x63\0\0"), Rejects("command"), Same),
        ("PING of 2 bytes", new().insert(b"\x08\0\x02\0\x02\0\0"), Rejects("PING"), Same),
        (
            "more PINGs",
            new().insert(b"\x08\0\x02\0\x04\0\0\0\x07\x08\0\x02\0\x04\0\0\0\x05"),
            Completes(&[1, 7, 5]),
            Same,
        ),
        ("second OPEN_RETURN_PATH", new().insert(b"\x08\0\x01\0\0"), Completes(&[1]), Same),
        (
            "early SWITCHOVER_START",
            new().insert(b"\x08\0\x0b\0\0"),
            Completes(&[1]),
            Differs("7.2 does not know the command; 10.0 and 11.1 accept it"),
        ),
        ("POSTCOPY_LISTEN without ADVISE", new().insert(b"\x08\0\x04\0\0"), Rejects("POSTCOPY_LISTEN"), Same),
        (
            "POSTCOPY_RESUME",
            new().insert(b"\x08\0\x09\0\0"),
            Rejects("POSTCOPY_RESUME"),
            Differs("QEMU prints `illegal resume received` and continues; nothing was interrupted here"),
        ),
        (
            "ENABLE_COLO",
            new().insert(b"\x08\0\x08\0\0"),
            Rejects("ENABLE_COLO"),
            Differs("7.2 starts the guest; 10.0 and 11.1 reject it"),
        ),
        ("PING without return path", new().replace(b"\x08\0\x01\0\0", b""), Rejects("return path"), Same),
        ("section type 9", new().insert(b"\x09\0\0\0\0"), Rejects("section"), Same),
        ("part of an unknown section", new().insert(b"\x02\0\0\0\x55"), Rejects("85"), Same),
        ("unknown block", new().replace(b"\x0bmicrovm.ram", b"\x0bmicrovm.rom"), Rejects("microvm.rom"), Same),
        ("wrong footer", new().replace(b"\x7e\0\0\0\x01", b"\x7e\0\0\0\x63"), Rejects("footer"), Same),
        ("missing footer", new().replace(b"\x7e\0\0\0\x01", b""), Rejects("between sections"), Same),
        ("capability mapped-ram", configured("mapped-ram"), Rejects("mapped-ram"), Same),
        ("capability x-ignore-shared", configured("x-ignore-shared"), Rejects("x-ignore-shared"), Same),
        ("other machine type", new().replace(b"microvm", b"isapc\0\0"), Rejects("machine type"), Same),
        ("end after PING", new().shorten(start), Rejects("ram"), Differs("QEMU completes with nothing loaded")),
        ("trailing bytes", [new().bytes, vec![0; 64]].concat(), Completes(&[1]), Same),
    ]
}

#[test]
fn hostile_and_odd_input_is_handled() {
    for (name, stream, expected, verdict) in rows() {
        let (answer, loaded) = load(stream);
        match expected {
            Completes(pongs) => {
                let pong = |number: &u32| [&b"\0\x02\0\x04"[..], &number.to_be_bytes()].concat();
                let expected = [pongs.iter().flat_map(pong).collect(), b"\0\x01\0\x04\0\0\0\0".to_vec()].concat();
                assert_eq!((answer, loaded), (expected, Ok(())), "{name} ({verdict:?})");
            }
            Rejects(text) => {
                let error = loaded.unwrap_err();
                assert!(error.contains(text), "{name} ({verdict:?}): {error}");
                assert!(!answer.ends_with(b"\0\x01\0\x04\0\0\0\0"), "{name}: {answer:?}");
            }
        }
    }
}
