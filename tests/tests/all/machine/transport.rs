//! Machines that move through files, pipes, sockets, between threads and processes.

use std::env;
use std::fs::File;
use std::io::{Read, Write, pipe};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::thread;

use vmstate::machine::{LoadOptions, Trailer};
use vmstate::prelude::*;

use super::devices::Board;

/// Sends a busy machine from one thread and has another become it in this one.
fn moves(name: &str, mut out: impl Write + Send, input: impl Read + Send) {
    let mut source = Board::busy();
    let stream = source.saved();
    let mut destination = Board::other();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut source = Board::busy();
            source.machine().save(&mut out).unwrap();
        });
        let options = LoadOptions::new().trailer(Trailer::Required);
        let loaded = destination.machine().load_with(&mut Reader::from_read(input), options).unwrap();
        assert!(loaded.description.is_some(), "{name}");
    });
    assert_eq!(destination.saved(), stream, "{name}");
}

#[test]
fn machine_moves_between_threads_by_stream() {
    let (input, out) = pipe().unwrap();
    moves("pipe", out, input);

    let (first, second) = UnixStream::pair().unwrap();
    moves("unix socket", first, second);

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    moves("tcp socket", client, listener.accept().unwrap().0);
}

#[test]
fn machine_is_saved_to_and_loaded_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("machine");
    let mut source = Board::busy();
    let saved = source.machine().save(File::create(&path).unwrap()).unwrap();
    assert_eq!(saved.bytes, path.metadata().unwrap().len());
    let mut destination = Board::other();
    let mut reader = Reader::from_file(File::open(&path).unwrap());
    destination.machine().load_with(&mut reader, LoadOptions::new()).unwrap();
    assert_eq!(destination.saved(), source.saved());
}

#[test]
fn load_does_not_wait_for_the_description() {
    let (mut first, second) = UnixStream::pair().unwrap();
    let mut source = Board::busy();
    let options = vmstate::machine::SaveOptions::new().description(None);
    source.machine().save_with(&mut first, options).unwrap();
    // The connection stays open and silent.
    let mut destination = Board::other();
    destination.machine().load(&second).unwrap();
    assert_eq!(destination.saved(), source.saved());
    drop(first);
}

#[test]
fn data_after_the_stream_stays_readable() {
    let (mut first, second) = UnixStream::pair().unwrap();
    let mut source = Board::busy();
    source.machine().save(&mut first).unwrap();
    first.write_all(b"the next message").unwrap();
    drop(first);
    let mut destination = Board::other();
    let mut reader = Reader::from_read(&second);
    let options = LoadOptions::new().trailer(Trailer::Required);
    destination.machine().load_with(&mut reader, options).unwrap();
    let mut rest = reader.buffered().to_vec();
    drop(reader);
    (&second).read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"the next message");
}

/// The environment variable with the connection of the destination, a copy of this program.
const ROLE: &str = "VMSTATE_TEST_DESTINATION";

/// The destination of [`machine_moves_between_processes`]; in a run of all tests there is nothing to do.
#[test]
fn receiving_process() {
    let Ok(connection) = env::var(ROLE) else { return };
    let mut board = Board::other();
    let input: Box<dyn Read + Send> = match connection.split_once(':') {
        Some(("unix", path)) => Box::new(UnixStream::connect(path).unwrap()),
        Some(("tcp", address)) => Box::new(TcpStream::connect(address).unwrap()),
        Some(("file", path)) => Box::new(File::open(path).unwrap()),
        _ => Box::new(std::io::stdin()),
    };
    let options = LoadOptions::new().trailer(Trailer::Required);
    board.machine().load_with(&mut Reader::from_read(input), options).unwrap();
    let saved = board.saved();
    let sum = saved.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    eprintln!("\nloaded {} bytes, sum {sum}", saved.len());
}

/// Starts this program again as the destination, calls `send`, and compares the loaded machine.
fn to_process(connection: &str, send: impl FnOnce(&mut std::process::Child)) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "machine::transport::receiving_process", "--nocapture"])
        .env(ROLE, connection)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    send(&mut child);
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{connection}: {said}");
    let saved = Board::busy().saved();
    let sum = saved.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    assert!(said.contains(&format!("loaded {} bytes, sum {sum}", saved.len())), "{connection}: {said}");
}

#[test]
fn machine_moves_between_processes() {
    let send = |out: &mut (dyn Write + Send)| {
        Board::busy().machine().save(out).unwrap();
    };
    to_process("pipe", |child| send(child.stdin.as_mut().unwrap()));

    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    to_process(&format!("unix:{}", socket.display()), |_| send(&mut listener.accept().unwrap().0));

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    to_process(&format!("tcp:{}", listener.local_addr().unwrap()), |_| send(&mut listener.accept().unwrap().0));

    let file = folder.path().join("machine");
    send(&mut File::create(&file).unwrap());
    to_process(&format!("file:{}", file.display()), |_| ());
}
