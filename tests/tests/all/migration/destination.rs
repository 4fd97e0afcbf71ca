//! Given the bytes of the recorded source, the destination answers as QEMU does, byte for byte.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use vmstate::machine::{LoadOptions, Machine, Rules, Unknown};
use vmstate::memory::{PageSize, RamBlock, VecBlock};
use vmstate::migration::destination::DestinationConfig;
use vmstate::migration::{Host, HostError, HostMemory, Incoming, MachineSwitches, MigrationError, Uri};
use vmstate::prelude::*;
use vmstate::ram::{Record, RecordReader};
use vmstate::stream::{Configuration, StreamItem, StreamReader};

use super::recordings::{COMPLETED, RECORDINGS, REFUSED, Recording};

/// A host with the machine type and the memory of a recording. All devices are passed through.
pub(super) struct Recorded {
    configuration: Configuration,
    pub(super) blocks: Vec<Arc<dyn RamBlock + Send + Sync>>,
    pub(super) uuid: [u8; 16],
    pub(super) started: bool,
}

impl Recorded {
    pub(super) fn new(stream: &[u8]) -> Self {
        let mut reader = Reader::from_slice(stream);
        let mut items = StreamReader::new(&mut reader).unwrap();
        let configuration = items.configuration().unwrap().clone();
        while !matches!(items.next_item().unwrap(), Some(StreamItem::Section(_))) {}
        let mut records = RecordReader::new(PageSize::DEFAULT, Default::default());
        while records.next_record(items.payload()).unwrap() != Record::EndOfSection {}
        let mut blocks: Vec<Arc<dyn RamBlock + Send + Sync>> = Vec::new();
        for block in records.blocks() {
            let size = usize::try_from(block.size).unwrap();
            blocks.push(Arc::new(VecBlock::new(block.idstr.clone(), vec![0x55; size])));
        }
        Self { configuration, blocks, uuid: [0; 16], started: false }
    }
}

impl Host for Recorded {
    fn configuration(&self) -> Configuration {
        self.configuration.clone()
    }

    fn uuid(&self) -> [u8; 16] {
        self.uuid
    }

    fn memory(&self) -> HostMemory {
        HostMemory::new(PageSize::DEFAULT, self.blocks.clone(), None)
    }

    fn with_machine(&mut self, use_machine: &mut dyn FnMut(&mut Machine<'_>)) {
        use_machine(&mut Machine::new());
    }

    fn is_running(&self) -> bool {
        self.started
    }

    fn stop(&mut self) -> Result<(), HostError> {
        Ok(())
    }

    fn resume(&mut self) -> Result<(), HostError> {
        self.started = true;
        Ok(())
    }
}

/// The number of bytes of the last message, SHUT.
const SHUT: usize = 8;

/// Replays a source: sends `stream`, closes this direction at once if it is `cut`, and otherwise when it has the answer of
/// this length. Returns all that the destination has sent.
fn replay(
    recording: &Recording,
    stream: Vec<u8>,
    cut: bool,
    host: &mut Recorded,
) -> (Vec<u8>, Result<(), MigrationError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let uri = Uri::Unix(path.to_str().unwrap().to_owned());
    let rules = Rules::default().unknown(Unknown::PassThrough);
    let options = LoadOptions::new().rules(rules).section("serial", Rules::default());
    let switches = MachineSwitches::new(&host.configuration.machine, recording.destination);
    let mut config = DestinationConfig::default();
    (config.capabilities, config.legacy_approval) = (recording.capabilities(), switches.legacy_approval);
    let incoming = Incoming::listen_with(&uri, config).unwrap().load_options(options);
    let mut answer = vec![0; recording.answer.len()];
    let source = thread::spawn(move || {
        let mut socket = UnixStream::connect(path).unwrap();
        // A destination that rejects the stream closes the connection before its end.
        let _ = socket.write_all(&stream);
        if cut {
            socket.shutdown(Shutdown::Write).unwrap();
        }
        socket.read_exact(&mut answer).unwrap();
        let _ = socket.shutdown(Shutdown::Write);
        socket.read_to_end(&mut answer).unwrap();
        answer
    });
    let loaded = incoming.run(host);
    (source.join().unwrap(), loaded)
}

#[test]
fn recorded_sources_get_the_recorded_answers() {
    for recording in RECORDINGS {
        let (name, stream) = (recording.name, recording.stream());
        let mut host = Recorded::new(&stream);
        let (answer, loaded) = replay(recording, stream, recording.is_cut(), &mut host);
        assert_eq!(answer, recording.answer, "{name}: {loaded:?}");
        let completes = recording.states.ends_with("completed");
        assert_eq!((loaded.is_ok(), host.started), (completes, completes), "{name}: {loaded:?}");
    }
}

/// Cuts a recorded stream to `length` bytes, and returns the answer, the error, and whether the guest was started.
fn replay_cut(recording: &Recording, stream: &[u8], length: usize) -> (Vec<u8>, Option<String>, bool) {
    let mut host = Recorded::new(stream);
    let cut = Recording { answer: &[], ..recording.clone() };
    let (answer, loaded) = replay(&cut, stream[..length].to_vec(), true, &mut host);
    (answer, loaded.err().map(|error| error.to_string()), host.started)
}

/// QEMU runs the guest if the connection is lost in the description, and reports an error, so the source runs it, too.
/// Everywhere else its destination sends PONG and SHUT 1, as this one.
#[test]
fn truncation_at_each_byte_is_rejected() {
    let recording = RECORDINGS.iter().find(|recording| recording.name == "qemu-10.0-precopy").unwrap();
    let stream = recording.stream();
    // The answer to PING is sent once PING is complete: header, configuration, two commands.
    let ping = stream.windows(9).position(|window| window == b"\x08\0\x02\0\x04\0\0\0\x01").unwrap() + 9;
    let opened = ping - 9;
    // Each byte of the beginning, of the end and its surroundings, and samples of everything between them.
    let lengths = (0..400).chain((400..stream.len() - 400).step_by(397)).chain(stream.len() - 400..stream.len());
    for length in lengths {
        let (answer, error, started) = replay_cut(recording, &stream, length);
        assert!(error.is_some() && !started, "{length}: {error:?}");
        let expected: &[u8] = match length {
            _ if length < opened => &[],
            _ if length < ping => &REFUSED[REFUSED.len() - SHUT..],
            _ => REFUSED,
        };
        assert_eq!(answer, expected, "{length} of {} bytes: {error:?}", stream.len());
    }
    let (answer, error, started) = replay_cut(recording, &stream, stream.len());
    assert_eq!((answer.as_slice(), error, started), (COMPLETED, None, true));
}

/// A source that does not close the connection may not have read SHUT, and then it resumes the guest. It cannot extend the
/// wait with bytes after the end of its stream.
#[test]
fn source_that_stays_connected_keeps_the_guest() {
    let recording = RECORDINGS.iter().find(|recording| recording.name == "qemu-10.0-precopy").unwrap();
    for sends_more in [false, true] {
        let (folder, stream) = (tempfile::tempdir().unwrap(), recording.stream());
        let path = folder.path().join("socket");
        let rules = Rules::default().unknown(Unknown::PassThrough);
        let options = LoadOptions::new().rules(rules).section("serial", Rules::default());
        let mut config = DestinationConfig::default();
        config.parameters.answer_timeout = Duration::from_millis(200);
        let uri = Uri::Unix(path.to_str().unwrap().to_owned());
        let incoming = Incoming::listen_with(&uri, config).unwrap().load_options(options);
        let mut host = Recorded::new(&stream);
        let source = thread::spawn(move || {
            let mut socket = UnixStream::connect(path).unwrap();
            socket.write_all(&stream).unwrap();
            // Until the destination closes the connection.
            while sends_more && socket.write_all(&[0; 4096]).is_ok() {}
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer);
            answer
        });
        let error = incoming.run(&mut host).unwrap_err();
        assert_eq!(error.reason(), "the source does not close the connection", "{sends_more}");
        assert!(!host.started);
        assert_eq!(source.join().unwrap(), COMPLETED, "{sends_more}");
    }
}
