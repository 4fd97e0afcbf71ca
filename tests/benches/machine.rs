//! Whole machines: the cost of framing, descriptions and rollback.
//!
//!     cargo bench -p vmstate-tests --bench machine
//!
//! Each machine is from a stream of QEMU 10.0. "devices" are its devices one by one, without registry, framing and
//! checks: the baseline of the machine's figures.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use vmstate::machine::{LoadOptions, SaveOptions, Trailer};
use vmstate::memory::{PageSize, VecBlock};
use vmstate::prelude::*;
use vmstate::registry::{Device, Registration};
use vmstate::schema::Release;
use vmstate::walk::PostLoad;
use vmstate_examples::machines::pc::Pc;
use vmstate_examples::machines::q35::Q35;
use vmstate_examples::machines::{self, Board};
use vmstate_tests::streams;

/// The machine of a stream, as it was when that was saved.
fn restored<M: Board>(stream: &str) -> M {
    let mut machine = M::new(Release::Qemu10_0);
    let mut registry = machines::assemble(&mut machine, &[]).expect("names that differ");
    registry.load(&streams::named(stream).bytes[..]).expect("a stream of this machine");
    drop(registry);
    machine
}

/// The described devices of a machine, in the order of its sections.
fn devices(machine: &mut impl Board) -> Vec<(&'static str, u32, &mut (dyn Device + Send))> {
    let sections = machine.sections().into_iter();
    let described =
        sections.filter_map(|section| Some((section.name(), section.instance_id(), section.into_device()?)));
    described.filter(|(.., device)| device.is_needed()).collect()
}

fn registry(machine: &mut impl Board) -> Machine<'_> {
    let mut registry = Machine::new();
    for (name, instance_id, device) in devices(machine) {
        let registration = Registration::device(name, device).instance_id(instance_id);
        registry.add(registration).expect("names that differ");
    }
    registry
}

fn save(registry: &mut Machine<'_>, out: &mut Writer, description: Option<Release>) -> u64 {
    out.clear();
    registry.save_into(out, SaveOptions::new().description(description)).expect("a state that can be saved").bytes
}

fn load(registry: &mut Machine<'_>, stream: &[u8], in_place: bool) {
    let options = LoadOptions::new().trailer(Trailer::Ignore);
    let options = if in_place { options.without_rollback() } else { options };
    registry.load_with(&mut Reader::from_slice(black_box(stream)), options).expect("a stream of this machine");
}

fn save_each(devices: &mut [(&str, u32, &mut (dyn Device + Send))], out: &mut Writer) {
    out.clear();
    for (.., device) in devices {
        device.save_section(out, device.description().version).expect("a state that can be saved");
    }
}

/// Loads each device from its saved bytes.
fn load_each(devices: &mut [(&str, u32, &mut (dyn Device + Send))], saved: &[Vec<u8>]) {
    for ((.., device), bytes) in devices.iter_mut().zip(saved) {
        let version = device.description().version;
        let decoded = device.decode_section(&mut Reader::from_slice(black_box(bytes)), version);
        if decoded.expect("a saved device") == PostLoad::Due {
            device.finish_section(version).expect("a saved device");
        }
    }
}

fn saved_each(devices: &mut [(&str, u32, &mut (dyn Device + Send))]) -> Vec<Vec<u8>> {
    let saved = |(.., device): &mut (&str, u32, &mut (dyn Device + Send))| {
        let mut out = Writer::new();
        device.save_section(&mut out, device.description().version).expect("a state that can be saved");
        out.take()
    };
    devices.iter_mut().map(saved).collect()
}

fn machine<M: Board>(criterion: &mut Criterion, name: &str, stream: &str) {
    let mut machine = restored::<M>(stream);
    let mut out = Writer::new();
    let bytes = save(&mut registry(&mut machine), &mut out, None);
    let stream = out.pending().to_vec();
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(bytes));

    let mut each = devices(&mut machine);
    let saved = saved_each(&mut each);
    group.bench_function("save/devices", |bench| bench.iter(|| save_each(&mut each, &mut out)));
    group.bench_function("load/devices", |bench| bench.iter(|| load_each(&mut each, &saved)));

    let described = Some(Release::Qemu10_0);
    for (name, description) in [("save/machine, the first time", None), ("save/described, the first time", described)] {
        group.bench_function(name, |bench| {
            bench.iter_custom(|times| (0..times).map(|_| first_save(&mut machine, &mut out, description)).sum());
        });
    }

    let mut registry = registry(&mut machine);
    group.bench_function("save/machine", |bench| bench.iter(|| save(&mut registry, &mut out, None)));
    group.bench_function("save/described", |bench| {
        bench.iter(|| save(&mut registry, &mut out, described));
    });
    group.bench_function("load/in place", |bench| bench.iter(|| load(&mut registry, &stream, true)));
    group.bench_function("load/with rollback", |bench| bench.iter(|| load(&mut registry, &stream, false)));
}

/// Returns the time of the first save of a machine.
fn first_save(machine: &mut impl Board, out: &mut Writer, description: Option<Release>) -> Duration {
    let mut registry = registry(machine);
    let start = Instant::now();
    save(&mut registry, out, description);
    start.elapsed()
}

fn whole_machines(criterion: &mut Criterion) {
    machine::<Pc>(criterion, "pc", "qemu-10.0-pc");
    machine::<Q35>(criterion, "q35", "qemu-10.0-q35");
}

/// 64 MiB.
const MEMORY: usize = 64 << 20;

/// Loads a stream of memory filled with `theirs` over memory filled with `ours`.
fn memory(criterion: &mut Criterion, name: &str, theirs: u8, ours: u8) {
    let (mut source, mut out) = ([VecBlock::new("ram", vec![theirs; MEMORY])], Writer::new());
    let mut registry = Machine::new();
    registry.register_ram(PageSize::DEFAULT, &mut source[..]).expect("the only section");
    let mut group = criterion.benchmark_group(format!("64 MiB of {name}"));
    group.throughput(Throughput::Bytes(MEMORY as u64)).sample_size(10);
    group.bench_function("save", |bench| bench.iter(|| save(&mut registry, &mut out, None)));
    save(&mut registry, &mut out, None);
    let stream = out.take();
    drop(registry);
    for (form, in_place) in [("load in place", true), ("load with rollback", false)] {
        group.bench_function(form, |bench| {
            let load = |ram: &mut Vec<VecBlock>| {
                let mut registry = Machine::new();
                registry.register_ram(PageSize::DEFAULT, &mut ram[..]).expect("the only section");
                load(&mut registry, &stream, in_place);
            };
            bench.iter_batched_ref(|| vec![VecBlock::new("ram", vec![ours; MEMORY])], load, BatchSize::PerIteration);
        });
    }
}

fn all_memory(criterion: &mut Criterion) {
    memory(criterion, "data over zeros", 0x55, 0);
    memory(criterion, "data over data", 0x55, 0xaa);
    memory(criterion, "zeros over zeros", 0, 0);
    memory(criterion, "zeros over data", 0, 0xaa);
}

criterion_group!(benches, whole_machines, all_memory);
criterion_main!(benches);
