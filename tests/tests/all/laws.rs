//! The laws hold for correct devices and detect incorrect ones.

mod forms;
mod ports;

use vmstate::Info;
use vmstate::laws::Laws;
use vmstate::prelude::*;
use vmstate_examples::devices::avr::Cpu;
use vmstate_examples::devices::clock::{AdaptTimers, Clock, Icount, Shift, WarpTimer};
use vmstate_examples::devices::globalstate::GlobalState;
use vmstate_tests::streams;

/// Returns the message of a law that must not hold.
fn violation(law: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(law).expect_err("the law holds");
    panic.downcast_ref::<String>().cloned().expect("a message")
}

vmstate::laws!(cpu: Cpu);
vmstate::laws!(clock: Clock, with = |choices| Clock {
    icount: choices.flip().then(|| Icount {
        warp_timer: choices.flip().then(WarpTimer::default),
        timers: choices.flip().then(AdaptTimers::default),
        shift: choices.flip().then(Shift::default),
        ..Icount::default()
    }),
    ..Clock::default()
});
vmstate::laws!(global_state: GlobalState);

#[derive(VmState, Clone, Default)]
#[vmstate(name = "fifo")]
struct Fifo {
    count: u8,
    #[vmstate(len = count, max = 16)]
    data: Vec<u8>,
    #[vmstate(subsection("fifo/overrun", needed = Self::overran))]
    overrun: u16,
}

impl Fifo {
    fn overran(&self) -> bool {
        self.overrun > 0
    }
}

/// Something of everything.
#[derive(VmState, Clone, Default)]
#[vmstate(name = "serial", version = 4, minimum_version = 2, pre_save = Self::measure, post_load = Self::rearm)]
struct Serial {
    divider: u16,
    #[vmstate(until = 2)]
    old: u8,
    #[vmstate(since = 3)]
    fcr: u8,
    #[vmstate(equal)]
    lines: u32,
    #[vmstate(le)]
    used: i32,
    level: u8,
    table: [[u16; 2]; 3],
    #[vmstate(since = 4)]
    fifos: [bool; 6],
    #[vmstate(unused(before = 3))]
    #[vmstate(timer)]
    deadline: Option<u64>,
    #[vmstate(subsection("serial/fifo"))]
    fifo: Option<Fifo>,
    #[vmstate(subsection("serial/pending", needed = Self::is_pending))]
    pending: i32,
    #[vmstate(skip = "follows from `divider`")]
    rate: u32,
}

impl Serial {
    fn make(choices: &mut vmstate::laws::Choices) -> Self {
        let data: Vec<_> = (0..choices.below(5)).map(|_| choices.byte()).collect();
        let count = u8::try_from(data.len()).unwrap();
        let fifo = Fifo { count, data, overrun: u16::from(choices.flip()) };
        Self {
            lines: 24,
            used: 100,
            fifo: choices.flip().then_some(fifo),
            pending: if choices.flip() { 9 } else { 0 },
            deadline: choices.flip().then(|| choices.below(1 << 40)),
            ..Self::default()
        }
    }

    fn measure(&mut self) {
        self.level = self.fifo.as_ref().map_or(0, |fifo| fifo.count);
    }

    fn rearm(&mut self) -> Result<(), &'static str> {
        self.rate = 115_200_u32.checked_div(u32::from(self.divider)).unwrap_or(0);
        if self.divider == 3 { Err("no such divider") } else { Ok(()) }
    }

    fn is_pending(&self) -> bool {
        self.pending > 2
    }
}

vmstate::laws!(serial: Serial, with = Serial::make, computed = ["level"]);

/// Keeps `lost` nowhere: its info reads it and drops it.
#[derive(VmState, Clone, Default)]
struct Forgetful {
    kept: u16,
    #[vmstate(with = Dropped)]
    lost: u16,
}

struct Dropped;

impl Info<u16> for Dropped {
    const NAME: &'static str = "uint16";
    const SIZE: Option<usize> = Some(2);

    fn put(value: &u16, to: &mut Writer) -> Result<(), SaveError> {
        to.u16(*value);
        Ok(())
    }

    fn get(_: &mut u16, from: &mut Reader<'_>) -> Result<(), LoadError> {
        from.skip(2)
    }
}

#[test]
#[should_panic(expected = "Forgetful: the field `lost` is not kept")]
fn forgotten_field_is_found() {
    Laws::<Forgetful>::new(|_| Forgetful::default()).every_field_is_saved();
}

/// A device that adds the loaded value to its own.
#[derive(VmState, Clone, Default)]
#[vmstate(post_load = Self::count)]
struct Greedy {
    value: u32,
    loads: u32,
}

impl Greedy {
    fn count(&mut self) {
        self.loads = self.loads.wrapping_add(1);
    }
}

#[test]
#[should_panic(expected = "first difference at byte 7 of 8 of the section, field `loads`")]
fn different_reload_is_found() {
    Laws::<Greedy>::new(|_| Greedy::default()).round_trip();
}

/// Panics for a value that any stream can have.
#[derive(VmState, Clone, Default)]
#[vmstate(post_load = Self::index)]
struct Careless {
    index: u8,
    table: [u16; 4],
    #[vmstate(skip = "follows from the others")]
    current: u16,
}

impl Careless {
    fn index(&mut self) {
        self.current = self.table[usize::from(self.index)];
    }
}

#[test]
fn panic_in_a_hook_names_field_and_bytes() {
    let message = violation(|| Laws::<Careless>::default().corruption());
    for part in [
        "Careless: a hook panicked while loading: index out of bounds",
        "cause   field `index`, byte 0 of 9 of the section: 0x",
        "loaded  ",
    ] {
        assert!(message.contains(part), "expected `{part}` in\n{message}");
    }
}

/// Computes two elements of its array, and a field of a nested struct, when it is saved.
#[derive(VmState, Clone, Default)]
#[vmstate(name = "dev", pre_save = Self::compute)]
struct Computing {
    levels: [u8; 4],
    fifo: Inner,
}

#[derive(VmState, Clone, Default)]
#[vmstate(name = "inner")]
struct Inner {
    count: u8,
    kept: u8,
}

impl Computing {
    fn compute(&mut self) {
        (self.levels[1], self.levels[2]) = (1, 2);
        self.fifo.count = self.fifo.kept & 1;
    }
}

vmstate::laws!(computed: Computing, computed = ["levels[1]", "dev.levels[2]", "fifo.count"]);
vmstate::laws!(computed_array: Computing, computed = ["levels", "fifo.count"]);

#[test]
fn computed_element_is_named_by_its_path() {
    let message = violation(|| Laws::<Computing>::default().computed(&["levels[2]", "fifo"]).every_field_is_saved());
    assert!(message.contains("dev: the field `levels[1]` is not kept"), "{message}");
    assert!(message.contains("if the device computes it, list it in `computed`"), "{message}");
}

/// A large device: an array of 4096 structs.
#[derive(VmState)]
#[vmstate(name = "css", post_load = Self::count)]
struct Large {
    #[vmstate(len = used, max = 4096)]
    channels: Vec<Channel>,
    #[vmstate(skip = "fixed")]
    used: u32,
}

#[derive(VmState, Clone, Default)]
#[vmstate(name = "channel")]
struct Channel {
    flags: u16,
    device: u16,
    words: [u32; 12],
}

static LOADS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

impl Large {
    fn new(_: &mut vmstate::laws::Choices) -> Self {
        Self { channels: vec![Channel::default(); 4096], used: 4096 }
    }

    fn count(&mut self) {
        LOADS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Each load of this device takes about a millisecond in a debug build.
#[test]
fn laws_of_large_device_load_it_a_few_times() {
    let laws = Laws::new(Large::new);
    for law in
        [Laws::round_trip, Laws::loading_twice, Laws::corruption, Laws::older_versions, Laws::every_field_is_saved]
    {
        LOADS.store(0, std::sync::atomic::Ordering::Relaxed);
        law(&laws);
        let loads = LOADS.load(std::sync::atomic::Ordering::Relaxed);
        assert!((4..200).contains(&loads), "{loads}");
    }
}

/// Takes a state that it cannot save.
#[derive(VmState, Clone, Default)]
#[vmstate(pre_save = Self::check)]
struct Trap {
    value: u8,
}

impl Trap {
    fn check(&self) -> Result<(), &'static str> {
        if self.value >= 0xf0 { Err("nothing can have this value") } else { Ok(()) }
    }
}

#[test]
#[should_panic(expected = "Trap: a valid state cannot be saved")]
fn unsavable_state_is_found() {
    Laws::<Trap>::new(|_| Trap::default()).corruption();
}

/// Has a subsection that nothing ever needs.
#[derive(VmState, Clone, Default)]
#[vmstate(name = "dev")]
struct Never {
    value: u8,
    #[vmstate(subsection("dev/extra", needed = Self::never))]
    extra: u8,
}

impl Never {
    fn never(&self) -> bool {
        false
    }
}

#[test]
#[should_panic(expected = "dev: no state has the subsection \"dev/extra\"; give `laws!` a generator")]
fn never_sent_subsection_is_found() {
    Laws::<Never>::new(|_| Never::default()).subsections();
}

#[test]
#[should_panic(expected = "dev: every state has the subsection \"dev/extra\"")]
fn always_sent_subsection_is_found() {
    #[derive(VmState, Clone, Default)]
    #[vmstate(name = "dev")]
    struct Always {
        #[vmstate(subsection("dev/extra", needed = |_: &Self| true))]
        extra: u8,
    }
    Laws::<Always>::new(|_| Always::default()).subsections();
}

/// Returns the stream of an Arduino Uno of QEMU 10.0.
fn uno() -> Vec<u8> {
    streams::named("qemu-10.0-uno").bytes
}

#[test]
fn port_matches_qemus_stream() {
    Laws::new(|_| Clock::default()).matches_stream(&uno(), "timer");
}

#[test]
#[should_panic(expected = "timer: the stream has no section \"serial\"")]
fn stream_without_the_section_is_rejected() {
    Laws::new(|_| Clock::default()).matches_stream(&uno(), "serial");
}

#[test]
#[should_panic(expected = "the device stopped reading at byte 8 of 24")]
fn port_without_all_fields_is_found() {
    #[derive(VmState, Default)]
    #[vmstate(name = "timer", version = 2)]
    struct Short {
        offset: u64,
    }
    Laws::new(|_| Short::default()).matches_stream(&uno(), "timer");
}

#[test]
#[should_panic(expected = "because   `timer.spare`: the stream has nothing, this device has uint32 of 4 bytes")]
fn extra_field_of_a_port_is_named() {
    #[derive(VmState, Default)]
    #[vmstate(name = "timer", version = 2)]
    struct Long {
        cpu_ticks_offset: i64,
        unused: Unused<8>,
        cpu_clock_offset: i64,
        spare: u32,
    }
    Laws::new(|_| Long::default()).matches_stream(&uno(), "timer");
}

#[test]
#[should_panic(expected = "first difference at byte 23 of 24 of the section, field `offset[2]`")]
fn port_that_changes_its_state_is_found() {
    #[derive(VmState, Default)]
    #[vmstate(name = "timer", version = 2, post_load = Self::count)]
    struct Changed {
        offset: [u64; 3],
    }

    impl Changed {
        fn count(&mut self) {
            self.offset[2] = self.offset[2].wrapping_add(1);
        }
    }
    Laws::new(|_| Changed::default()).matches_stream(&uno(), "timer");
}
