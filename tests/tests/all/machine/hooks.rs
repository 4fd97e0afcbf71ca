//! Every piece of code that a machine's author writes fails, at every call, with an error and with a panic: a save that
//! fails leaves the machine as it was and able to be saved, a load that fails changes nothing.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, RwLock};

use vmstate::machine::SaveOptions;
use vmstate::memory::{MemoryError, PageSize, RamBlock, VecBlock};
use vmstate::prelude::*;
use vmstate::section::{LiveSection, Output, RawSection};
use vmstate::stream::SectionKind;
use vmstate::{Info, Temporary};

use super::devices::PAGE;

thread_local! {
    /// The calls until one fails, and whether it panics.
    static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
    static PANICS: Cell<bool> = const { Cell::new(false) };
    /// The called functions.
    static CALLED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// A call of a user's function. One of the calls fails.
fn call(name: &'static str) -> Result<(), String> {
    CALLED.with_borrow_mut(|called| called.push(name));
    let fails = LEFT.get() == 0;
    LEFT.set(LEFT.get().wrapping_sub(1));
    assert!(!(fails && PANICS.get()), "{name} panics");
    if fails { Err(format!("{name} has failed")) } else { Ok(()) }
}

/// A call of a function that can only fail by a panic. Otherwise the next call fails instead.
fn panic_only(name: &'static str) {
    if call(name).is_err() {
        LEFT.set(0);
    }
}

fn refused(why: String) -> LoadError {
    LoadError::rejected("nothing to fail", why)
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(
    name = "device",
    version = 2,
    pre_save = |_: &mut Self| call("pre_save"),
    post_save = |_: &mut Self| call("post_save"),
    pre_load = |_: &mut Self| call("pre_load"),
    post_load = |_: &mut Self| call("post_load"),
)]
struct Device {
    before: u32,
    inner: [Inner; 2],
    #[vmstate(with = Halves)]
    halves: u16,
    #[vmstate(tmp = Sum)]
    sum: u8,
    #[vmstate(when = Self::has_more, must_exist("a state that can be", |device| device.must_exist()))]
    more: u8,
    count: u8,
    #[vmstate(len = count, max = 8)]
    items: Vec<Inner>,
    #[vmstate(subsection("device/extra", needed = Self::needs_extra))]
    extra: Inner,
    after: u64,
}

impl Device {
    fn has_more(&self, _: u32) -> bool {
        panic_only("when");
        self.before % 2 == 1
    }

    fn must_exist(&self) -> bool {
        call("must_exist").is_ok()
    }

    fn needs_extra(&self) -> bool {
        panic_only("needed");
        true
    }
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(
    name = "inner",
    pre_save = |_: &mut Self| call("inner pre_save"),
    post_save = |_: &mut Self| call("inner post_save"),
    pre_load = |_: &mut Self| call("inner pre_load"),
    post_load = |_: &mut Self| call("inner post_load"),
)]
struct Inner {
    level: u16,
}

/// A device of parts that others hold, too.
#[derive(VmState, Debug, Default)]
#[vmstate(name = "sharing")]
struct Sharing {
    before: u8,
    locked: Arc<Mutex<Inner>>,
    written: Arc<RwLock<Inner>>,
    after: u8,
}

impl Sharing {
    fn of(number: u8) -> Self {
        let inner = |level: u8| Inner { level: level.into() };
        Self {
            before: number,
            locked: Arc::new(Mutex::new(inner(number + 3))),
            written: Arc::new(RwLock::new(inner(number + 4))),
            after: number,
        }
    }
}

impl PartialEq for Sharing {
    fn eq(&self, other: &Self) -> bool {
        let locked = *self.locked.lock().unwrap() == *other.locked.lock().unwrap();
        let written = *self.written.read().unwrap() == *other.written.read().unwrap();
        locked && written && (self.before, self.after) == (other.before, other.after)
    }
}

/// A custom info.
#[derive(Debug)]
struct Halves;

impl Info<u16> for Halves {
    const NAME: &'static str = "halves";

    fn put(value: &u16, to: &mut Writer) -> Result<(), SaveError> {
        call("put").map_err(SaveError::rejected)?;
        to.u16(value.rotate_left(8));
        Ok(())
    }

    fn get(value: &mut u16, from: &mut Reader<'_>) -> Result<(), LoadError> {
        *value = from.u16()?.rotate_left(8);
        call("get").map_err(refused)
    }
}

/// The temporary of a field.
#[derive(VmState, Default)]
#[vmstate(name = "sum", post_load = |_: &mut Self| call("sum post_load"))]
struct Sum {
    sum: u16,
}

impl Temporary<Device> for Sum {
    fn from_parent(parent: &Device) -> Self {
        panic_only("of");
        Self { sum: 3 * u16::from(parent.sum) }
    }

    fn apply(self, parent: &mut Device) -> Result<(), LoadError> {
        parent.sum = (self.sum / 3) as u8;
        call("apply").map_err(refused)
    }
}

/// A section that is written by hand.
#[derive(Clone, Debug, PartialEq)]
struct ByHand(u32);

impl RawSection for ByHand {
    fn save(&mut self, out: &mut Writer) -> Result<(), SaveError> {
        out.u32(self.0);
        call("raw save").map_err(SaveError::rejected)
    }

    fn load(&mut self, reader: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.0 = reader.u32()?;
        call("raw load").map_err(refused)
    }
}

/// A section that comes in parts.
struct InParts<'m> {
    sum: &'m mut u64,
    before: u64,
}

impl LiveSection for InParts<'_> {
    fn save_setup(&mut self, out: &mut Output<'_>) -> Result<(), SaveError> {
        out.writer().u8(0);
        call("save_setup").map_err(SaveError::rejected)
    }

    fn save_iterate(&mut self, out: &mut Output<'_>, _: u64) -> Result<bool, SaveError> {
        out.writer().u8(0);
        call("save_iterate").map(|()| true).map_err(SaveError::rejected)
    }

    fn save_complete(&mut self, out: &mut Output<'_>) -> Result<(), SaveError> {
        out.writer().u8(u8::try_from(*self.sum).expect("a small sum"));
        call("save_complete").map_err(SaveError::rejected)
    }

    fn load_setup(&mut self, _: bool) -> Result<(), LoadError> {
        self.before = std::mem::take(self.sum);
        call("load_setup").map_err(refused)
    }

    fn load(&mut self, reader: &mut Reader<'_>, _: SectionKind, _: u32) -> Result<(), LoadError> {
        *self.sum += u64::from(reader.u8()?);
        call("live load").map_err(refused)
    }

    fn load_finish(&mut self) -> Result<(), LoadError> {
        call("load_finish").map_err(refused)
    }

    fn load_undo(&mut self) -> Result<(), LoadError> {
        *self.sum = self.before;
        Ok(())
    }
}

/// Memory that fails to be read or written.
#[derive(Clone, Debug, PartialEq)]
struct Memory(VecBlock);

impl RamBlock for Memory {
    fn idstr(&self) -> &str {
        self.0.idstr()
    }

    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read(&self, offset: u64, page: &mut [u8]) -> Result<(), MemoryError> {
        call("memory read").map_err(MemoryError::custom)?;
        self.0.read(offset, page)
    }

    fn write(&self, offset: u64, page: &[u8]) -> Result<(), MemoryError> {
        call("memory write").map_err(MemoryError::custom)?;
        self.0.write(offset, page)
    }
}

#[derive(Debug)]
struct Board {
    device: Arc<Mutex<Device>>,
    sharing: Arc<RwLock<Sharing>>,
    by_hand: ByHand,
    sum: u64,
    memory: Vec<Memory>,
}

impl PartialEq for Board {
    fn eq(&self, other: &Self) -> bool {
        let devices = *self.device.lock().unwrap() == *other.device.lock().unwrap();
        let sharing = *self.sharing.read().unwrap() == *other.sharing.read().unwrap();
        devices && sharing && (&self.by_hand, self.sum, &self.memory) == (&other.by_hand, other.sum, &other.memory)
    }
}

impl Board {
    fn of(number: u8) -> Self {
        let inner = |level: u8| Inner { level: level.into() };
        let device = Device {
            before: u32::from(number) * 2 + 1,
            inner: [inner(number), inner(number + 1)],
            halves: 0x0100 + u16::from(number),
            sum: number,
            more: number,
            count: number % 4,
            items: (0..number % 4).map(inner).collect(),
            extra: inner(number + 2),
            after: u64::from(number) << 40,
        };
        let size = usize::try_from(PAGE).expect("a small page");
        let pages = [vec![number; size], vec![0; size], vec![number % 2; size]].concat();
        Self {
            device: Arc::new(Mutex::new(device)),
            sharing: Arc::new(RwLock::new(Sharing::of(number))),
            by_hand: ByHand(number.into()),
            sum: number.into(),
            memory: vec![Memory(VecBlock::new("ram", pages))],
        }
    }

    fn machine(&mut self) -> Machine<'_> {
        let mut registry = Machine::with_type("board");
        registry.register_ram(PageSize::new(PAGE).expect("a page size"), &mut self.memory[..]).unwrap();
        registry.register_live("parts", 1, InParts { before: self.sum, sum: &mut self.sum }).unwrap();
        registry.register("device", self.device.clone()).unwrap();
        registry.register("sharing", self.sharing.clone()).unwrap();
        registry.register_raw("hand", 1, &mut self.by_hand).unwrap();
        registry.after_load(|| call("after_load"));
        registry
    }

    /// Saves the machine with live sections.
    fn save(&mut self, out: &mut Vec<u8>) -> Result<(), SaveError> {
        let (mut registry, mut writer) = (self.machine(), Writer::new());
        let mut saving = registry.start_saving(Output::new(&mut writer, Some(out)), SaveOptions::new())?;
        saving.iterate(1 << 20)?;
        saving.complete().map(drop)
    }

    /// The stream, if nothing fails.
    fn saved(&mut self) -> Vec<u8> {
        let mut stream = Vec::new();
        self.save(&mut stream).expect("nothing fails");
        stream
    }
}

/// Does something whose call number `left` fails. Gives who that was, and whether all of it failed; `None` if it has
/// no such call.
fn with_failure(left: usize, panics: bool, act: impl FnOnce() -> Result<(), String>) -> Option<(&'static str, bool)> {
    LEFT.set(left);
    PANICS.set(panics);
    CALLED.take();
    let outcome = catch_unwind(AssertUnwindSafe(act));
    PANICS.set(false);
    LEFT.set(usize::MAX);
    let name = *CALLED.take().get(left)?;
    match outcome {
        Ok(Ok(())) => return Some((name, false)),
        Ok(Err(error)) => {
            assert!(!panics, "{name}: {error}");
            assert!(error.contains(" has failed") || error.contains("a state that can be"), "{name}: {error}");
        }
        Err(panic) => {
            let said = panic.downcast_ref::<String>().expect("the panic comes through");
            assert!(panics && *said == format!("{name} panics"), "{name}: {said}");
        }
    }
    Some((name, true))
}

/// Everything that is called when a machine is saved.
const SAVING: [&str; 14] = [
    "inner post_save",
    "inner pre_save",
    "memory read",
    "must_exist",
    "needed",
    "of",
    "post_save",
    "pre_save",
    "put",
    "raw save",
    "save_complete",
    "save_iterate",
    "save_setup",
    "when",
];

#[test]
fn any_failing_function_in_a_save_is_harmless() {
    let mut machine = Board::of(7);
    let (before, stream) = (Board::of(7), machine.saved());
    for panics in [false, true] {
        let mut failed = BTreeSet::new();
        for left in 0.. {
            let mut out = Vec::new();
            let save = || machine.save(&mut out).map_err(|error| error.to_string());
            let Some((name, has_failed)) = with_failure(left, panics, save) else { break };
            assert!(has_failed, "{name}, call {left}: the failure was ignored");
            failed.insert(name);
            assert!(stream.starts_with(&out), "{name}: other bytes");
            assert_eq!(machine, before, "{name}: the sender is harmed");
            assert_eq!(machine.saved(), stream, "{name}: the machine goes on, and can be sent again");
        }
        assert_eq!(failed, BTreeSet::from(SAVING), "panics: {panics}");
    }
}

/// All functions that a load calls. The checkpoint calls some of them, too.
const LOADING: [&str; 19] = [
    "after_load",
    "apply",
    "get",
    "inner post_load",
    "inner pre_load",
    "live load",
    "load_finish",
    "load_setup",
    "memory read",
    "memory write",
    "must_exist",
    "of",
    "post_load",
    "pre_load",
    "put",
    "raw load",
    "raw save",
    "sum post_load",
    "when",
];
/// Functions whose failure fails a save, but not a checkpoint: the load continues. The last two cannot fail.
const COPYING: [&str; 6] = ["inner post_save", "inner pre_save", "post_save", "pre_save", "needed", "of"];

#[test]
fn any_failing_function_in_a_load_rolls_back() {
    let stream = Board::of(7).saved();
    let before = Board::of(4);
    let saved = Board::of(4).saved();
    for panics in [false, true] {
        let (mut failed, mut unheard) = (BTreeSet::new(), BTreeSet::new());
        for left in 0.. {
            let mut machine = Board::of(4);
            let load = || machine.machine().load(&stream[..]).map(drop).map_err(|error| error.to_string());
            let Some((name, has_failed)) = with_failure(left, panics, load) else { break };
            if has_failed {
                assert_eq!(machine, before, "{name}, call {left}: the load failed and changed something");
                assert_eq!(machine.saved(), saved, "{name}, call {left}");
                failed.insert(name);
            } else {
                assert_eq!(machine.saved(), stream, "{name}, call {left}: neither loaded nor rolled back");
                unheard.insert(name);
            }
        }
        let called = failed.union(&unheard).copied().collect::<BTreeSet<_>>();
        let heard = BTreeSet::from(LOADING);
        assert!(failed.is_superset(&heard), "panics: {panics}: only {failed:?} made the load fail");
        if panics {
            assert_eq!((failed, unheard), (called, BTreeSet::new()));
        } else {
            assert_eq!(unheard, BTreeSet::from(COPYING));
        }
    }
}
