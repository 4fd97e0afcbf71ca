//! Streams of other machines.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::*;
use crate::stream::{Command, PostcopyAdvice, StreamWriter};

/// Neither the preparation of postcopy nor an endless source hides the reason.
#[test]
fn commands_of_another_machine_are_only_answered() {
    let advice = Command::PostcopyAdvise(Some(PostcopyAdvice::new(4096, 4096)));
    for commands in [vec![advice], vec![Command::Ping(2); 20]] {
        let mut out = Writer::new();
        let mut frame = StreamWriter::new(&mut out);
        frame.header();
        frame.configuration(&Configuration::new("other"));
        for command in [Command::OpenReturnPath, Command::Ping(1)].iter().chain(&commands) {
            frame.command(command).unwrap();
        }
        let folder = tempfile();
        let path = folder.path("socket");
        let incoming = Incoming::listen(&Uri::Unix(path.clone()), Parameters::default()).unwrap();
        let loading = thread::spawn(move || incoming.run(&mut Board::destination()));
        let mut source = UnixStream::connect(path).unwrap();
        source.write_all(out.pending()).unwrap();
        if commands.len() == 1 {
            source.shutdown(Shutdown::Write).unwrap();
        }
        let start = Instant::now();
        let error = loading.join().unwrap().unwrap_err().to_string();
        assert!(error.contains("machine type"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(10), "the source has sent enough");
    }
}
