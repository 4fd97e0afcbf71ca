//! Saves through `&self`: the same bytes and notifications as through `&mut self`, unless a hook prevents them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ops::Range;
use std::rc::Rc;
use std::sync::{Arc, Mutex, RwLock};

use vmstate::info::array::{Boxed, Each};
use vmstate::info::{Ends, Map, Maybe, Pair, Plain, Sequence};
use vmstate::laws::Laws;
use vmstate::prelude::*;
use vmstate::sink::{ElementIndex, FieldRef, PointerRun};
use vmstate::{Description, Info, Sink, Wire, walk};

use super::save;

/// Records all notifications.
#[derive(Default)]
struct Trace {
    out: Writer,
    events: Vec<String>,
}

impl Trace {
    fn add(&mut self, event: &str) {
        self.events.push(format!("{} {event}", self.out.offset()));
    }
}

impl Sink for Trace {
    fn out(&mut self) -> &mut Writer {
        &mut self.out
    }

    fn fixed(&mut self, parent: &'static Description, fields: Range<usize>) {
        self.add(&format!("fixed {} {fields:?}", parent.name));
    }

    fn fixed_array(&mut self, at: FieldRef, count: usize) {
        self.add(&format!("array {} {} {count}", at.parent.name, at.field));
    }

    fn pointer(&mut self, run: PointerRun) {
        self.add(&format!("{run:?}"));
    }

    fn begin_element(&mut self, at: FieldRef, element: ElementIndex) {
        self.add(&format!("element {} {} {element:?}", at.parent.name, at.field));
    }

    fn end_element(&mut self) {
        self.add("end");
    }

    fn begin_inline(&mut self, at: FieldRef) {
        self.add(&format!("inline {} {}", at.parent.name, at.field));
    }

    fn end_inline(&mut self) {
        self.add("end inline");
    }

    fn begin_struct(&mut self, description: &'static Description, version: u32) {
        self.add(&format!("struct {} {version}", description.name));
    }

    fn end_struct(&mut self) {
        self.add("end struct");
    }

    fn begin_subsection(&mut self) {
        self.add("subsection");
    }

    fn end_subsection(&mut self) {
        self.add("end subsection");
    }
}

fn traced(save: impl FnOnce(&mut Trace) -> Result<(), SaveError>) -> (Vec<u8>, Vec<String>, Option<String>) {
    let mut trace = Trace::default();
    let saved = save(&mut trace);
    (trace.out.take(), trace.events, saved.err().map(|error| error.to_string()))
}

/// Compares both saves of `device` at all versions. `bytes` are its state at the current version.
///
/// All tests of this module's parent that save a device call it.
pub(super) fn check<T: VmState>(device: &mut T, bytes: &[u8]) {
    if T::EXCLUSIVE.is_some() {
        return;
    }
    let description = T::DESCRIPTION;
    let mut shared = Writer::new();
    walk::share(device, &mut shared, description.version).unwrap();
    assert_eq!(shared.pending(), bytes);
    for version in description.minimum_version..=description.version {
        let exclusive = traced(|trace| walk::save(device, trace, version));
        let shared = traced(|trace| walk::share(device, trace, version));
        assert_eq!(exclusive, shared, "{} at version {version}", description.name);
    }
}

#[derive(VmState, Default, Clone, Debug, PartialEq)]
#[vmstate(name = "plain", post_load = |_| ())]
struct Part {
    a: u16,
    #[vmstate(count("len": u8), max = 4)]
    bytes: Vec<u8>,
}

/// A struct that cannot be saved through `&self`.
#[derive(VmState, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[vmstate(name = "hooked", pre_save = |this: &mut Self| this.saves += 1)]
struct Hooked {
    a: u8,
    #[vmstate(skip = "counts the calls of the hook")]
    saves: u8,
}

/// A struct with hooks that need no exclusive access.
#[derive(VmState, Default, Debug)]
#[vmstate(name = "looking", pre_save = Self::check, post_save = Self::count)]
struct Looking {
    a: u8,
    #[vmstate(skip = "counts the calls of the hook")]
    saves: Cell<u32>,
}

impl Looking {
    fn check(&self) -> Result<(), &'static str> {
        if self.a == 9 { Err("9 cannot be saved") } else { Ok(()) }
    }

    fn count(&self, version: u32) {
        self.saves.set(self.saves.get() + version);
    }
}

/// A device with a form of each kind; other tests of the derive macro have the rest.
#[derive(VmState, Debug)]
#[vmstate(name = "dev", version = 2, minimum_version = 1)]
struct Dev {
    part: Part,
    parts: [Part; 2],
    #[vmstate(count("nqueue": u8), max = 8)]
    queue: VecDeque<u16>,
    #[vmstate(count("nwords": u8), max = 8)]
    words: VecDeque<Part>,
    #[vmstate(option)]
    option: Option<Part>,
    #[vmstate(option(always))]
    always: Option<Part>,
    #[vmstate(list(max = 4))]
    list: LinkedList<Part>,
    #[vmstate(tree(direct, max = 4))]
    tree: BTreeMap<u64, Part>,
    #[vmstate(pointer(alloc))]
    pointers: [Option<Box<Part>>; 3],
    #[vmstate(with = Sequence<4>)]
    heap: BinaryHeap<u32>,
    #[vmstate(with = Sequence<4>)]
    set: HashSet<u16>,
    #[vmstate(with = Map<4>)]
    map: HashMap<String, Part>,
    #[vmstate(with = Maybe<Pair<Plain, Sequence<4>>>)]
    maybe: Option<(Part, Vec<Part>)>,
    #[vmstate(with = Boxed<Each<Ends>>)]
    ranges: Box<[Range<u8>; 2]>,
    cell: Cell<u8>,
    copied: Cell<Hooked>,
    borrowed: RefCell<Hooked>,
    locked: Mutex<Hooked>,
    shared: Rc<RefCell<Hooked>>,
    both: Arc<RwLock<Hooked>>,
    looking: Looking,
    tuple: (u8, Part),
    #[vmstate(since = 2)]
    added: f64,
    #[vmstate(subsection("dev/part"))]
    subsection: Option<Part>,
}

fn dev() -> Dev {
    let part = |a: u16| Part { a, bytes: vec![1; usize::from(a % 4)] };
    // Two parts in memory.
    let mut queue = VecDeque::from([1, 2, 3]);
    queue.rotate_left(1);
    queue.push_front(4);
    let mut words = VecDeque::from([part(1), part(2)]);
    words.push_front(part(3));
    Dev {
        part: part(1),
        parts: [part(2), part(3)],
        queue,
        words,
        option: Some(part(4)),
        always: None,
        list: [part(5), part(6)].into(),
        tree: [(9, part(7)), (3, part(8))].into(),
        pointers: [None, Some(Box::new(part(9))), None],
        heap: [5, 1, 5, 3].into(),
        set: [7, 1, 4].into(),
        map: [("b".to_owned(), part(1)), ("a".to_owned(), part(2))].into(),
        maybe: Some((part(3), vec![part(1)])),
        ranges: Box::new([1..2, 3..9]),
        cell: Cell::new(6),
        copied: Cell::default(),
        borrowed: RefCell::default(),
        locked: Mutex::default(),
        shared: Rc::default(),
        both: Arc::default(),
        looking: Looking::default(),
        tuple: (1, part(2)),
        added: 2.5,
        subsection: Some(part(3)),
    }
}

#[test]
fn shared_save_equals_exclusive_save() {
    let mut device = dev();
    // `save` compares both.
    let bytes = save(&mut device);
    let mut slice = vec![0; bytes.len()];
    assert_eq!(device.saved_size_shared().unwrap(), bytes.len());
    assert_eq!(device.save_shared_to_slice(&mut slice).unwrap(), bytes.len());
    assert_eq!(slice, bytes);
    let error = device.save_shared_to_slice(&mut slice[1..]).unwrap_err();
    assert!(error.to_string().contains("expected a slice of at least"), "{error}");
}

#[test]
fn interior_mutability_runs_exclusive_hooks() {
    let device = dev();
    device.save_shared(&mut Writer::new()).unwrap();
    device.save_shared(&mut Writer::new()).unwrap();
    let saves = [device.borrowed.borrow().saves, device.locked.lock().unwrap().saves, device.shared.borrow().saves];
    assert_eq!(saves, [2; 3]);
    assert_eq!(device.copied.get().saves, 2);
    assert_eq!(device.looking.saves.get(), 2);
}

#[test]
fn borrowed_cell_is_an_error() {
    let device = dev();
    let guard = device.borrowed.borrow();
    let error = device.save_shared(&mut Writer::new()).unwrap_err();
    assert_eq!(error.to_string(), "field dev.borrowed: the `RefCell` is borrowed or poisoned");
    drop(guard);
    device.save_shared(&mut Writer::new()).unwrap();
}

#[test]
fn shared_hook_can_reject_the_save() {
    let device = Looking { a: 9, saves: Cell::new(0) };
    let error = device.save_shared(&mut Writer::new()).unwrap_err();
    assert!(error.to_string().contains("9 cannot be saved"), "{error}");
}

/// Asserts that a value with a hook that needs `&mut self` prevents a shared save of each type, with its reason.
macro_rules! exclusive {
    ($($type:ty),* $(,)?) => {
        [$((stringify!($type), <$type as Wire>::EXCLUSIVE)),*]
    };
}

/// Structs with a `Hooked` in one attribute each.
macro_rules! with_attribute {
    ($($name:ident: $type:ty { $(#[$attribute:meta])* })*) => {
        $(
            #[derive(VmState)]
            #[vmstate(name = "dev")]
            struct $name {
                $(#[$attribute])*
                #[allow(dead_code, reason = "only the description matters")]
                field: $type,
            }
        )*

        fn of_attributes() -> Vec<(&'static str, Option<&'static str>)> {
            vec![$((stringify!($name), <$name as VmState>::EXCLUSIVE)),*]
        }
    };
}

with_attribute! {
    Nested: Hooked {}
    Counted: Vec<Hooked> { #[vmstate(count("n": u8), max = 2)] }
    Ranged: [Hooked; 3] { #[vmstate(range = 1..2)] }
    Optional: Option<Hooked> { #[vmstate(option)] }
    Always: Option<Hooked> { #[vmstate(option(always))] }
    Listed: Vec<Hooked> { #[vmstate(list(max = 2))] }
    Values: BTreeMap<u64, Hooked> { #[vmstate(tree(direct, max = 2))] }
    Keys: BTreeMap<Hooked, Part> { #[vmstate(tree(max = 2))] }
    Pointers: [Option<Box<Hooked>>; 2] { #[vmstate(pointer)] }
    Marked: [Option<Box<Hooked>>; 2] { #[vmstate(pointer(alloc))] }
    Present: Option<Box<Hooked>> { #[vmstate(pointer)] }
    Versioned: Hooked { #[vmstate(versioned = 1)] }
    Equal: Hooked { #[vmstate(equal)] }
    InSequence: Vec<Hooked> { #[vmstate(with = Sequence<2>)] }
    InMap: BTreeMap<u8, Hooked> { #[vmstate(with = Map<2>)] }
    AsKey: BTreeMap<Hooked, u8> { #[vmstate(with = Map<2>)] }
    InMaybe: Option<Hooked> { #[vmstate(with = Maybe)] }
    InPair: (u8, Hooked) { #[vmstate(with = Pair)] }
    InEnds: Range<Hooked> { #[vmstate(with = Ends)] }
    InBox: Box<[Hooked; 2]> { #[vmstate(with = Boxed<Each<Plain>>)] }
    Subsection: Option<Hooked> { #[vmstate(subsection("dev/part"))] }
}

#[derive(VmState)]
struct Transparent(Hooked);

#[derive(VmState)]
#[vmstate(repr = u8)]
enum Tagged {
    Full { hooked: Hooked },
}

#[test]
fn exclusive_hook_prevents_shared_saves_of_every_form() {
    let types = exclusive![
        Hooked,
        [Hooked; 2],
        Box<Hooked>,
        &mut Hooked,
        (u8, Hooked),
        Range<Hooked>,
        Transparent,
        Tagged,
        std::num::Wrapping<Hooked>,
    ];
    for (form, reason) in types.into_iter().chain(of_attributes()) {
        let reason = reason.unwrap_or_else(|| panic!("{form} can be saved through `&self`"));
        assert!(reason.starts_with("`Hooked` cannot be saved through `&self`: the hook `pre_save`"), "{reason}");
    }
    let _ = Tagged::Full { hooked: Hooked::default() };
    assert_eq!([<Mutex<Hooked> as Wire>::EXCLUSIVE, <Dev as VmState>::EXCLUSIVE], [None; 2]);
}

#[test]
fn exclusive_value_is_not_saved_by_put() {
    let mut writer = Writer::new();
    <Sequence<2> as Info<Vec<u8>>>::put(&vec![5], &mut writer).unwrap();
    assert_eq!(writer.pending(), [0, 0, 0, 1, 5]);
    let error = <Sequence<2> as Info<Vec<Hooked>>>::put(&vec![Hooked::default()], &mut writer).unwrap_err();
    assert!(error.to_string().contains("the hook `pre_save` needs `&mut self`"), "{error}");
}

/// A part after its number of bytes.
struct WithSize;

impl Info<Part> for WithSize {
    const NAME: &'static str = "part with size";

    fn put(part: &Part, to: &mut Writer) -> Result<(), SaveError> {
        to.u8(u8::try_from(part.saved_size_shared()?).unwrap_or(u8::MAX));
        part.save_shared(to)
    }

    fn get(part: &mut Part, from: &mut Reader<'_>) -> Result<(), LoadError> {
        from.u8()?;
        part.load(from, 1)
    }
}

#[derive(VmState, Default)]
#[vmstate(name = "framed")]
struct Framed {
    #[vmstate(with = WithSize)]
    part: Part,
    last: u8,
}

#[test]
fn info_saves_a_derived_struct() {
    let mut framed = Framed { part: Part { a: 0x0102, bytes: vec![3] }, last: 4 };
    assert_eq!(save(&mut framed), [4, 1, 2, 1, 3, 4]);
    // With truncation at each byte, and rollback from checkpoints that `put` writes.
    let laws = Laws::<Framed>::default();
    laws.corruption();
    laws.round_trip();
}
