//! What it costs that a load which fails changes nothing: loads with a way back beside loads without one, and saves.
//!
//!     cargo bench -p vmstate-tests --bench machine

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use vmstate::machine::{LoadOptions, SaveOptions, Trailer};
use vmstate::prelude::*;
use vmstate::ram::{PageSize, VecBlock};
use vmstate::schema::Release;
use vmstate_examples::devices::e1000::E1000;
use vmstate_examples::devices::i8254::Pit;
use vmstate_examples::devices::i8257::Dma;
use vmstate_examples::devices::i8259::Pic;
use vmstate_examples::devices::mc146818rtc::Rtc;
use vmstate_examples::devices::serial::IsaSerial;
use vmstate_examples::machines::isapc::IsaPc;
use vmstate_examples::machines::{Machine, Section};

/// The devices of the PC with an ISA bus, and more of some kinds: 60 in all.
struct Devices {
    pc: IsaPc,
    cards: [E1000; 2],
    uarts: [IsaSerial; 10],
    pits: [Pit; 6],
    rtcs: [Rtc; 6],
    pics: [Pic; 6],
    dmas: [Dma; 6],
}

impl Devices {
    fn new() -> Self {
        Self {
            pc: IsaPc::new(Release::Qemu10_0),
            cards: Default::default(),
            uarts: Default::default(),
            pits: Default::default(),
            rtcs: Default::default(),
            pics: Default::default(),
            dmas: Default::default(),
        }
    }

    fn registry(&mut self) -> Registry<'_> {
        let mut registry = Registry::new();
        let described = |section: &Section<'_>| section.name() != "ram";
        for section in self.pc.sections().into_iter().filter(described) {
            registry.add(section.into_registration()).expect("names that differ");
        }
        register(&mut registry, "e1000", &mut self.cards);
        register(&mut registry, "serial", &mut self.uarts);
        register(&mut registry, "i8254", &mut self.pits);
        register(&mut registry, "mc146818rtc", &mut self.rtcs);
        register(&mut registry, "i8259", &mut self.pics);
        register(&mut registry, "dma", &mut self.dmas);
        assert_eq!(registry.sections().count(), 60);
        registry
    }
}

fn register<'d, T: VmState>(registry: &mut Registry<'d>, name: &str, devices: &'d mut [T]) {
    for device in devices {
        registry.register(name, device).expect("instances are counted");
    }
}

fn save(registry: &mut Registry<'_>, out: &mut Writer, description: Option<Release>) -> u64 {
    out.take();
    registry.save_into(out, SaveOptions::new().description(description)).expect("a state that can be saved").bytes
}

fn load(registry: &mut Registry<'_>, stream: &[u8], in_place: bool) {
    let options = LoadOptions::new().trailer(Trailer::Leave);
    let options = if in_place { options.in_place() } else { options };
    registry.load_with(&mut Reader::from_slice(black_box(stream)), options).expect("a stream of this machine");
}

fn devices(criterion: &mut Criterion) {
    let mut devices = Devices::new();
    let mut registry = devices.registry();
    let mut out = Writer::new();
    let mut group = criterion.benchmark_group("60 devices");
    group.throughput(Throughput::Bytes(save(&mut registry, &mut out, None)));
    let stream = out.take();
    group.bench_function("save", |bench| bench.iter(|| save(&mut registry, &mut out, None)));
    group.bench_function("save and describe", |bench| {
        bench.iter(|| save(&mut registry, &mut out, Some(Release::Qemu10_0)));
    });
    group.bench_function("load in place", |bench| bench.iter(|| load(&mut registry, &stream, true)));
    group.bench_function("load with a way back", |bench| bench.iter(|| load(&mut registry, &stream, false)));
}

/// 64 MiB.
const MEMORY: usize = 64 << 20;

/// Loads a stream of memory filled with `theirs` over memory filled with `ours`.
fn memory(criterion: &mut Criterion, name: &str, theirs: u8, ours: u8) {
    let (mut source, mut out) = ([VecBlock::new("ram", vec![theirs; MEMORY])], Writer::new());
    let mut registry = Registry::new();
    registry.register_ram(PageSize::DEFAULT, &mut source[..]).expect("the only section");
    let mut group = criterion.benchmark_group(format!("64 MiB of {name}"));
    group.throughput(Throughput::Bytes(MEMORY as u64)).sample_size(10);
    group.bench_function("save", |bench| bench.iter(|| save(&mut registry, &mut out, None)));
    save(&mut registry, &mut out, None);
    let stream = out.take();
    drop(registry);
    for (form, in_place) in [("load in place", true), ("load with a way back", false)] {
        group.bench_function(form, |bench| {
            let load = |ram: &mut Vec<VecBlock>| {
                let mut registry = Registry::new();
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

criterion_group!(benches, devices, all_memory);
criterion_main!(benches);
