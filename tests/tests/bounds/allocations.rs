//! A machine that is saved and loaded again does so in the memory that it had.

use vmstate::schema::Release;

use super::*;

/// A device with all kinds of fields whose save could allocate.
#[derive(VmState)]
#[vmstate(name = "device", post_load = Self::check)]
struct Device {
    mixed: [Mixed; 20],
    gated: [Gated; 3],
    words: u32,
    #[vmstate(len = words)]
    array: [u64; 4],
    #[vmstate(subsection("device/extra", needed = Self::is_odd))]
    extra: u32,
}

#[derive(VmState, Default, Clone, Copy)]
#[vmstate(name = "gated")]
struct Gated {
    flags: u8,
    #[vmstate(when = Self::has_more)]
    more: u16,
}

impl Gated {
    fn has_more(&self, _version: u32) -> bool {
        self.flags > 0
    }
}

impl Device {
    fn new(extra: u32) -> Self {
        let (mixed, gated) = (std::array::from_fn(|_| Mixed::default()), [Gated { flags: 1, more: 2 }; 3]);
        Self { mixed, gated, words: 4, array: [1; 4], extra }
    }

    fn is_odd(&self) -> bool {
        self.extra % 2 == 1
    }

    fn check(&mut self) -> Result<(), &'static str> {
        if self.words > 4 { Err("too many words") } else { Ok(()) }
    }
}

fn registry(count: u32) -> Machine<'static> {
    let mut machine = Machine::with_type("board");
    for number in 0..count {
        machine.register("device", Device::new(number)).unwrap();
    }
    machine.register("one", One::default()).unwrap();
    machine
}

#[test]
fn saving_again_allocates_nothing() {
    for description in [None, Some(Release::Qemu7_2), Some(Release::Qemu10_0)] {
        let (mut machine, mut out) = (registry(100), Writer::new());
        let mut save = || {
            out.clear();
            let options = SaveOptions::new().description(description);
            let since = Since::now();
            machine.save_into(&mut out, options).unwrap();
            since.allocations()
        };
        assert!(save() > 0, "the buffer grows");
        assert_eq!(save(), 0, "{description:?}");
    }
}

#[test]
fn saving_memory_again_allocates_nothing() {
    let mut machine = registry(1);
    let block = VecBlock::new("r", [vec![0; 4096], vec![7; 8 * 4096]].concat());
    machine.register_ram(PageSize::DEFAULT, vec![block]).unwrap();
    let mut out = Writer::new();
    let mut save = || {
        out.clear();
        let since = Since::now();
        machine.save_into(&mut out, SaveOptions::new()).unwrap();
        since.allocations()
    };
    save();
    let again = save();
    assert!(again <= 11, "{again} allocations: sent pages are tracked in bitmaps of each save");
}

/// Returns the number of allocations of a repeated load.
fn loading(count: u32, options: fn() -> LoadOptions) -> u64 {
    let (mut machine, mut out) = (registry(count), Writer::new());
    machine.save_into(&mut out, SaveOptions::new().description(None)).unwrap();
    let mut load = || {
        let since = Since::now();
        machine.load_with(&mut Reader::from_slice(out.pending()), options()).unwrap();
        since.allocations()
    };
    load();
    load()
}

#[test]
fn loading_allocates_nothing_per_section() {
    for options in [LoadOptions::new, || LoadOptions::new().without_rollback()] {
        let (few, many) = (loading(2, options), loading(500, options));
        assert_eq!(few, many, "a load allocates as often for many devices as for few");
        assert!(few < 10, "{few} allocations");
    }
}
