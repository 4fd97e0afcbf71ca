//! Recorded migrations of QEMU: given the bytes of the source, the destination answers as QEMU does, byte for byte.

use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use flate2::read::GzDecoder;
use vmstate::machine::{LoadOptions, Machine, Rules, Unknown};
use vmstate::memory::{PageSize, RamBlock, VecBlock};
use vmstate::migration::{Host, HostError, HostMemory, Incoming, MigrationError, Parameters, Uri};
use vmstate::prelude::*;
use vmstate::ram::{Record, RecordReader};
use vmstate::stream::{Configuration, StreamItem, StreamReader};

/// Returns the bytes of a recorded source.
fn source(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conversations").join(format!("{name}.gz"));
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// A host with the machine type and the memory of a recording. All devices are passed through.
struct Recorded {
    configuration: Configuration,
    blocks: Vec<Arc<dyn RamBlock + Send + Sync>>,
    started: bool,
}

impl Recorded {
    fn new(stream: &[u8]) -> Self {
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
        Self { configuration, blocks, started: false }
    }
}

impl Host for Recorded {
    fn configuration(&self) -> Configuration {
        self.configuration.clone()
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

/// Replays a source until the destination has sent PONG and SHUT, and then closes the connection; if the stream is `cut`,
/// its end is visible before. Returns the answer.
fn replay(stream: Vec<u8>, cut: bool, host: &mut Recorded) -> (Vec<u8>, Result<(), MigrationError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let uri = Uri::Unix(path.to_str().unwrap().to_owned());
    let rules = Rules::default().unknown(Unknown::PassThrough);
    let options = LoadOptions::new().rules(rules).section("serial", Rules::default());
    let incoming = Incoming::listen(&uri, Parameters::default()).unwrap().load_options(options);
    let source = thread::spawn(move || {
        let mut socket = UnixStream::connect(path).unwrap();
        // A destination that rejects the stream closes the connection before its end.
        let _ = socket.write_all(&stream);
        if cut {
            socket.shutdown(Shutdown::Write).unwrap();
        }
        let mut answer = vec![0; 16];
        socket.read_exact(&mut answer).unwrap();
        answer
    });
    let loaded = incoming.run(host);
    (source.join().unwrap(), loaded)
}

/// PONG 1 and SHUT 0.
const COMPLETED: [u8; 16] = *b"\0\x02\0\x04\0\0\0\x01\0\x01\0\x04\0\0\0\0";
/// PONG 1 and SHUT 1.
const REFUSED: [u8; 16] = *b"\0\x02\0\x04\0\0\0\x01\0\x01\0\x04\0\0\0\x01";

#[test]
fn recorded_sources_get_the_recorded_answers() {
    for (name, recorded) in [
        ("qemu-7.2-precopy", COMPLETED),
        ("qemu-10.0-precopy", COMPLETED),
        ("qemu-10.0-uuid", COMPLETED),
        ("qemu-11.1-precopy", COMPLETED),
        ("qemu-10.0-refused", REFUSED),
    ] {
        let stream = source(name);
        let mut host = Recorded::new(&stream);
        let (answer, loaded) = replay(stream, false, &mut host);
        assert_eq!(answer, recorded, "{name}");
        assert_eq!(
            (loaded.is_ok(), host.started),
            (recorded == COMPLETED, recorded == COMPLETED),
            "{name}: {loaded:?}"
        );
    }
}

/// QEMU runs the guest if the connection is lost in the description, and reports an error, so the source runs it, too.
#[test]
fn connection_lost_in_the_description_is_rejected() {
    let mut stream = source("qemu-10.0-precopy");
    stream.pop();
    let mut host = Recorded::new(&stream);
    let (answer, loaded) = replay(stream, true, &mut host);
    assert_eq!(answer, REFUSED);
    assert!(loaded.unwrap_err().to_string().contains("description"));
    assert!(!host.started);
}
