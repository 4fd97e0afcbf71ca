//! Cost of a byte in small and large states, and of a section in machines of 1 to 10,000 devices: criterion's throughput
//! is the curve.
//!
//!     cargo bench -p vmstate-tests --bench growth

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vmstate::machine::{LoadOptions, SaveOptions, Trailer};
use vmstate::memory::{PageSize, VecBlock};
use vmstate::prelude::*;

/// A device with a counted state.
#[derive(VmState, Default)]
#[vmstate(name = "store")]
struct Store {
    registers: [u32; 8],
    count: u32,
    #[vmstate(len = count, max = 0x1000_0000)]
    words: Vec<u64>,
    size: u32,
    #[vmstate(buffer(len = size, max = 0x1000_0000))]
    bytes: Vec<u8>,
}

impl Store {
    /// About `size` bytes, half of them words.
    fn of(size: usize) -> Self {
        let half = size.saturating_sub(40) / 2;
        let (words, bytes) = (vec![0x0123_4567_89ab_cdef; half / 8], vec![0x5a; half]);
        let count = |length| u32::try_from(length).expect("less than 4 GiB");
        Self { registers: [7; 8], count: count(words.len()), words, size: count(bytes.len()), bytes }
    }
}

fn options(described: bool) -> SaveOptions {
    if described { SaveOptions::new() } else { SaveOptions::new().description(None) }
}

/// Measures saving and loading of `machine` under the parameter `name`.
fn save_and_load(criterion: &mut Criterion, group: &str, name: &str, machine: &mut Machine<'_>) {
    let mut out = Writer::new();
    let bytes = machine.save_into(&mut out, options(false)).expect("a state that can be saved").bytes;
    let stream = out.pending().to_vec();
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Bytes(bytes)).sample_size(10);
    for (what, described) in [("save", false), ("save and describe", true)] {
        group.bench_function(BenchmarkId::new(what, name), |bench| {
            bench.iter(|| {
                out.clear();
                machine.save_into(&mut out, options(described)).expect("a state that can be saved")
            });
        });
    }
    for (what, in_place) in [("load in place", true), ("load", false)] {
        group.bench_function(BenchmarkId::new(what, name), |bench| {
            bench.iter(|| {
                let options = LoadOptions::new().trailer(Trailer::Ignore);
                let options = if in_place { options.without_rollback() } else { options };
                machine.load_with(&mut Reader::from_slice(&stream), options).expect("a stream of this machine")
            });
        });
    }
}

fn state(criterion: &mut Criterion) {
    for (name, size) in [
        ("100 B", 100),
        ("1 KB", 1_000),
        ("10 KB", 10_000),
        ("100 KB", 100_000),
        ("1 MB", 1_000_000),
        ("10 MB", 10_000_000),
        ("100 MB", 100_000_000),
    ] {
        let mut machine = Machine::new();
        machine.register("store", Store::of(size)).expect("the only section");
        save_and_load(criterion, "state", name, &mut machine);
    }
}

fn registry(count: usize) -> Machine<'static> {
    let mut machine = Machine::new();
    for number in 0..count {
        machine.register(format!("0000:00:{number:04x}/store"), Store::of(200)).expect("names that differ");
    }
    machine
}

fn devices(criterion: &mut Criterion) {
    for count in [1, 10, 100, 1_000, 10_000] {
        let name = count.to_string();
        save_and_load(criterion, "devices", &name, &mut registry(count));
        let mut group = criterion.benchmark_group("devices");
        group.throughput(Throughput::Elements(count as u64)).sample_size(10);
        group.bench_function(BenchmarkId::new("register", &name), |bench| bench.iter(|| registry(count)));
    }
}

/// Memory of zeros that was never touched, as in a machine that has just been made.
fn memory(criterion: &mut Criterion) {
    for (name, size) in [
        ("64 MiB", 64 << 20),
        ("256 MiB", 256 << 20),
        ("1 GiB", 1 << 30),
        ("4 GiB", 4 << 30),
        ("16 GiB", 16_usize << 30),
    ] {
        // Zeroed allocations are mapped lazily: writing allocates the pages.
        let mut ram = vec![0; size];
        // One page in a thousand has something in it.
        ram.chunks_mut(1000 * 4096).for_each(|chunk| chunk[0] = 1);
        let mut machine = Machine::new();
        machine.register_ram(PageSize::DEFAULT, vec![VecBlock::new("ram", ram)]).expect("the only section");
        let mut out = Writer::new();
        let mut group = criterion.benchmark_group("memory");
        group.throughput(Throughput::Bytes(size as u64)).sample_size(10);
        group.bench_function(BenchmarkId::new("save", name), |bench| {
            bench.iter(|| {
                out.clear();
                machine.save_into(&mut out, options(false)).expect("a state that can be saved")
            });
        });
        let stream = out.take();
        group.bench_function(BenchmarkId::new("load", name), |bench| {
            bench.iter(|| machine.load_with(&mut Reader::from_slice(&stream), LoadOptions::new()).expect("memory"));
        });
    }
}

criterion_group!(benches, state, devices, memory);
criterion_main!(benches);
