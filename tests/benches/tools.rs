//! Time of the tools for whole streams: in process, and as the command `vmstate`.
//!
//!     cargo bench -p vmstate-tests --bench tools
//!
//! Build the command first: `cargo build --release -p vmstate --features cli`.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vmstate::Reader;
use vmstate::dynamic::StreamDecoder;
use vmstate::machine::Machine;
use vmstate::machine::SaveOptions;
use vmstate::memory::{PageSize, VecBlock};
use vmstate::schema::vmdesc::{Document, Located, locate};
use vmstate_tests::streams;

/// Decodes a whole stream: its description, and every field of every section.
fn decode(stream: &[u8]) -> usize {
    let Located::At(start) = locate(stream) else { panic!("a stream with a description") };
    let document = Document::parse(&stream[start..], start as u64).expect("QEMU's own description");
    let mut reader = Reader::from_slice(stream);
    let mut walk = StreamDecoder::new(&mut reader, Some(document)).expect("a stream");
    let mut events = 0;
    while let Some(event) = walk.next_event().expect("a stream") {
        black_box(event);
        events += 1;
    }
    events
}

fn in_process(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for name in ["qemu-10.0-pc", "qemu-10.0-q35"] {
        let stream = streams::named(name).bytes;
        group.throughput(Throughput::Bytes(stream.len() as u64));
        group.bench_function(name, |bench| bench.iter(|| decode(black_box(&stream))));
    }
}

/// Returns the path of the command, in the target folder of this bench.
fn tool() -> PathBuf {
    let bench = std::env::current_exe().expect("a program has a file");
    let tool = bench.ancestors().nth(2).expect("target/release/deps").join("vmstate");
    assert!(tool.exists(), "{} is missing: cargo build --release -p vmstate --features cli", tool.display());
    tool
}

fn run(tool: &Path, arguments: &[&str], stream: &Path) {
    let status = Command::new(tool).args(arguments).arg(stream).stdout(Stdio::null()).status();
    assert!(status.expect("the command runs").success());
}

/// The machine `pc` with so many bytes of memory that are not zero, so that there is more than devices.
fn with_memory(folder: &Path, name: &str, memory: usize) -> PathBuf {
    let path = folder.join(name);
    let mut ram = vec![0_u8; memory];
    ram.chunks_mut(8).zip(1_u64..).for_each(|(bytes, number)| bytes.copy_from_slice(&number.to_be_bytes()));
    let mut machine = restored();
    let mut registry = Machine::new();
    for section in vmstate_examples::machines::Board::sections(&mut machine) {
        if section.name() != "ram" {
            registry.add(section.into_registration()).expect("names that differ");
        }
    }
    registry.register_ram(PageSize::DEFAULT, vec![VecBlock::new("pc.ram", ram)]).expect("the only one");
    let mut file = std::fs::File::create(&path).expect("a file");
    registry.save_with(&mut file, SaveOptions::new()).expect("a state that can be saved");
    path
}

fn restored() -> vmstate_examples::machines::pc::Pc {
    let mut machine = vmstate_examples::machines::Board::new(vmstate::schema::Release::Qemu10_0);
    let stream = streams::named("qemu-10.0-pc").bytes;
    vmstate_examples::machines::assemble(&mut machine, &[])
        .unwrap()
        .load(&stream[..])
        .expect("a stream of this machine");
    machine
}

fn commands(criterion: &mut Criterion) {
    let (tool, folder) = (tool(), tempfile::tempdir().expect("a folder"));
    let stream = with_memory(folder.path(), "small", 3 << 20);
    let size = std::fs::metadata(&stream).expect("the stream").len();
    let mut group = criterion.benchmark_group(format!("vmstate, {:.1} MB", size as f64 / 1e6));
    group.throughput(Throughput::Bytes(size)).sample_size(20);
    group.bench_function("info", |bench| bench.iter(|| run(&tool, &["info"], &stream)));
    group.bench_function("info --json", |bench| bench.iter(|| run(&tool, &["info", "--json"], &stream)));
    group.bench_function("dump", |bench| bench.iter(|| run(&tool, &["dump"], &stream)));
    group.bench_function("dump --json", |bench| bench.iter(|| run(&tool, &["dump", "--json"], &stream)));
    drop(group);
    let stream = with_memory(folder.path(), "large", 2 << 30);
    let mut group = criterion.benchmark_group("vmstate, 2 GiB");
    group.throughput(Throughput::Bytes(2 << 30)).sample_size(10);
    group.bench_function("info", |bench| bench.iter(|| run(&tool, &["info"], &stream)));
    group.bench_function("dump --json", |bench| bench.iter(|| run(&tool, &["dump", "--json"], &stream)));
    group.bench_function("reading the file alone", |bench| {
        bench.iter(|| std::io::copy(&mut std::fs::File::open(&stream).unwrap(), &mut std::io::sink()).unwrap());
    });
}

criterion_group!(benches, in_process, commands);
criterion_main!(benches);
