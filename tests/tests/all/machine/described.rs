//! A registry keeps the text of each section's description. It is made anew whenever the section looks otherwise.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use vmstate::machine::{LocalMachine, SaveOptions};
use vmstate::prelude::*;
use vmstate::schema::Release;
use vmstate::section::RawSection;
use vmstate::stream::Configuration;

/// A device whose description depends on its state in every way there is.
#[derive(VmState, Default)]
#[vmstate(name = "dev", version = 3)]
struct Dev {
    fixed: [u16; 3],
    count: u32,
    #[vmstate(len = count, max = 9)]
    counted: Vec<u32>,
    structs: u32,
    #[vmstate(len = structs, max = 9)]
    parts: Vec<Part>,
    #[vmstate(len = structs, max = 9)]
    gated: Vec<Gated>,
    #[vmstate(pointer)]
    slots: [Option<Box<Part>>; 4],
    size: u32,
    #[vmstate(buffer(len = size, max = 99))]
    buffer: Vec<u8>,
    #[vmstate(list(max = 9))]
    list: VecDeque<Part>,
    #[vmstate(since = 3)]
    late: u8,
    #[vmstate(when = Self::is_odd)]
    odd: u64,
    #[vmstate(subsection("dev/extra"))]
    extra: Option<Extra>,
}

impl Dev {
    fn is_odd(&self, _version: u32) -> bool {
        self.odd % 2 == 1
    }
}

#[derive(VmState, Default, Clone)]
#[vmstate(name = "part")]
struct Part {
    a: u8,
    b: [u32; 2],
}

#[derive(VmState, Default, Clone)]
#[vmstate(name = "gated")]
struct Gated {
    flags: u8,
    #[vmstate(when = Self::has_more)]
    more: u32,
}

impl Gated {
    fn has_more(&self, _version: u32) -> bool {
        self.flags > 0
    }
}

#[derive(VmState, Default)]
#[vmstate(name = "dev/extra")]
struct Extra {
    a: u8,
}

/// A section by hand, of so many bytes.
#[derive(Default, Clone)]
struct Bytes(Rc<Cell<usize>>);

impl RawSection for Bytes {
    fn save(&mut self, out: &mut Writer) -> Result<(), SaveError> {
        out.zeros(self.0.get());
        Ok(())
    }

    fn load(&mut self, reader: &mut Reader<'_>, _version: u32) -> Result<(), LoadError> {
        reader.skip(self.0.get() as u64)
    }
}

#[derive(Default)]
struct Board {
    dev: Rc<RefCell<Dev>>,
    bytes: Bytes,
}

impl Board {
    fn machine(&self) -> LocalMachine<'static> {
        let mut registry = LocalMachine::new_local();
        registry.set_configuration(Configuration::new("board"));
        registry.register("dev", self.dev.clone()).unwrap();
        registry.register_raw("bytes", 1, self.bytes.clone()).unwrap();
        registry
    }
}

fn save(registry: &mut LocalMachine<'_>, options: SaveOptions) -> Vec<u8> {
    let mut out = Writer::new();
    registry.save_into(&mut out, options).unwrap();
    out.take()
}

type Change = fn(&mut Dev);

/// Changes between two saves.
const CHANGES: [(&str, Change); 12] = [
    ("a count", |dev| (dev.count, dev.counted) = (4, vec![7; 4])),
    ("a lower count", |dev| (dev.count, dev.counted) = (1, vec![7])),
    ("structs", |dev| (dev.structs, dev.parts, dev.gated) = (3, vec![Part::default(); 3], vec![Gated::default(); 3])),
    ("a field of one", |dev| dev.gated[1].flags = 1),
    ("a pointer", |dev| dev.slots[2] = Some(Box::default())),
    ("the first pointer", |dev| dev.slots[0] = Some(Box::default())),
    ("a size", |dev| (dev.size, dev.buffer) = (5, vec![1; 5])),
    ("a list", |dev| dev.list.extend([Part::default(), Part::default()])),
    ("a shorter list", |dev| dev.list.truncate(1)),
    ("a conditional field", |dev| dev.odd = 7),
    ("a subsection", |dev| dev.extra = Some(Extra { a: 3 })),
    ("no subsection", |dev| dev.extra = None),
];

#[test]
fn changed_layout_is_described_again() {
    let machine = Board::default();
    let mut kept = [machine.machine(), machine.machine()];
    let mut check = |what: &str| {
        for (registry, release) in kept.iter_mut().zip([Release::Qemu7_2, Release::Qemu10_0]) {
            for _ in 0..2 {
                let options = || SaveOptions::new().description(Some(release));
                let fresh = save(&mut machine.machine(), options());
                assert_eq!(
                    save(registry, options()).escape_ascii().to_string(),
                    fresh.escape_ascii().to_string(),
                    "{what}"
                );
            }
        }
    };
    check("the first save");
    let mut before = save(&mut machine.machine(), SaveOptions::new());
    for (what, change) in CHANGES {
        change(&mut machine.dev.borrow_mut());
        let after = save(&mut machine.machine(), SaveOptions::new());
        assert_ne!(after.len(), before.len(), "{what} shows in the description");
        check(what);
        before = after;
    }
    machine.bytes.0.set(12);
    check("the size of a section by hand");
}

#[test]
fn changed_values_keep_the_description() {
    let machine = Board::default();
    let mut registry = machine.machine();
    let before = save(&mut registry, SaveOptions::new());
    machine.dev.borrow_mut().fixed = [1, 2, 3];
    let after = save(&mut registry, SaveOptions::new());
    assert_ne!(before, after);
    assert_eq!(after, save(&mut machine.machine(), SaveOptions::new()));
}

#[test]
fn options_invalidate_cached_descriptions() {
    let machine = Board::default();
    let mut registry = machine.machine();
    let options: [fn() -> SaveOptions; 5] = [
        || SaveOptions::new().description(Some(Release::Qemu7_2)),
        || SaveOptions::new().description(Some(Release::Qemu10_0)),
        || SaveOptions::new().version("dev", 2),
        || SaveOptions::new().without_configuration(),
        || SaveOptions::new().description(None),
    ];
    for (first, then) in options.iter().flat_map(|first| options.iter().map(move |then| (first, then))) {
        save(&mut registry, first());
        assert_eq!(save(&mut registry, then()), save(&mut machine.machine(), then()));
    }
    save(&mut registry, SaveOptions::new());
    let mut configured = machine.machine();
    for registry in [&mut registry, &mut configured] {
        let mut configuration = Configuration::new("another");
        configuration.uuid = Some([7; 16]);
        registry.set_configuration(configuration);
    }
    assert_eq!(save(&mut registry, SaveOptions::new()), save(&mut configured, SaveOptions::new()));
    for registry in [&mut registry, &mut configured] {
        registry.set_page_size(vmstate::memory::PageSize::new(1 << 16).unwrap());
    }
    let saved = save(&mut registry, SaveOptions::new());
    assert_eq!(saved, save(&mut configured, SaveOptions::new()));
    assert!(String::from_utf8_lossy(&saved).contains("\"page_size\": 65536"));
}

/// A device that fails in the middle of its section.
#[derive(VmState, Default)]
#[vmstate(name = "fussy")]
struct Fussy {
    count: u32,
    #[vmstate(len = count, max = 4)]
    items: Vec<Part>,
}

#[test]
fn failed_save_leaves_no_partial_description() {
    let device = Rc::new(RefCell::new(Fussy { count: 1, items: vec![Part::default()] }));
    let make = || {
        let mut registry = LocalMachine::new_local();
        registry.register("fussy", device.clone()).unwrap();
        registry
    };
    let mut registry = make();
    let before = save(&mut registry, SaveOptions::new());
    device.borrow_mut().count = 3;
    assert!(registry.save(Vec::new()).is_err(), "it holds one item, and counts three");
    device.borrow_mut().count = 1;
    assert_eq!(save(&mut registry, SaveOptions::new()), before);
}
