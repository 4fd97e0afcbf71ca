//! Under which names devices are registered, and found.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, RwLock};

use vmstate::description::Priority;
use vmstate::dynamic::{StreamDecoder, StreamEvent};
use vmstate::machine::{LocalMachine, SaveOptions};
use vmstate::prelude::*;
use vmstate::registry::{RegisterError, Registration, Threading};
use vmstate::stream::{StreamItem, StreamReader};

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "dev", version = 3, minimum_version = 2)]
struct Dev {
    value: u16,
    #[vmstate(since = 3)]
    newer: u8,
}

fn dev(value: u16) -> Dev {
    Dev { value, newer: 0 }
}

fn saved<T: Threading>(machine: &mut Machine<'_, T>) -> Vec<u8> {
    let mut stream = Vec::new();
    machine.save(&mut stream).unwrap();
    stream
}

/// Name, instance, section id and version of each section of a stream.
fn sections(stream: &[u8]) -> Vec<(String, u32, u32, u32)> {
    let mut reader = Reader::from_slice(stream);
    let mut stream = StreamReader::new(&mut reader).unwrap();
    let mut sections = Vec::new();
    while let Some(item) = stream.next_item().unwrap() {
        let StreamItem::Section(section) = item else { continue };
        Dev::default().load(stream.payload(), section.version).unwrap();
        sections.push((section.name, section.instance_id, section.section_id, section.version));
    }
    sections
}

#[test]
fn devices_can_be_owned_borrowed_or_shared() {
    let (mut borrowed, owned) = (dev(1), dev(2));
    let boxed: Box<dyn vmstate::Device> = Box::new(dev(3));
    let mutex = Arc::new(Mutex::new(dev(4)));
    let lock = Arc::new(RwLock::new(dev(5)));
    let cell = Rc::new(RefCell::new(dev(6)));
    let mut other = dev(7);
    let dynamic: &mut dyn vmstate::Device = &mut other;
    let mut machine = LocalMachine::new_local();
    machine.register("borrowed", &mut borrowed).unwrap();
    machine.register("owned", owned).unwrap();
    machine.register("boxed", boxed).unwrap();
    machine.register("mutex", mutex.clone()).unwrap();
    machine.register("lock", lock.clone()).unwrap();
    machine.register("cell", cell.clone()).unwrap();
    machine.register("dynamic", dynamic).unwrap();
    let shared: Arc<Mutex<dyn vmstate::Device>> = Arc::new(Mutex::new(dev(8)));
    machine.register("shared", shared).unwrap();
    let stream = saved(&mut machine);
    assert_eq!(sections(&stream).len(), 8);

    mutex.lock().unwrap().value = 40;
    lock.write().unwrap().value = 50;
    cell.borrow_mut().value = 60;
    machine.load(&stream[..]).unwrap();
    assert_eq!((mutex.lock().unwrap().value, lock.read().unwrap().value, cell.borrow().value), (4, 5, 6));

    let taken = cell.borrow_mut();
    let error = machine.load(&stream[..]).unwrap_err();
    assert!(error.to_string().contains("borrowed by another part of the program"), "{error}");
    let error = machine.save(Vec::new()).unwrap_err();
    assert!(error.to_string().contains("borrowed by another part of the program"), "{error}");
    drop(taken);
    machine.load(&stream[..]).unwrap();
}

#[test]
fn instance_ids_are_counted_unless_given() {
    let mut machine = Machine::new();
    machine.register("dev", dev(1)).unwrap();
    machine.add(Registration::device("dev", dev(2)).instance_id(7)).unwrap();
    machine.register("dev", dev(3)).unwrap();
    machine.register("other", dev(4)).unwrap();
    let ids: Vec<_> = machine.sections().collect();
    assert_eq!(ids, [("dev", 0), ("dev", 7), ("dev", 8), ("other", 0)]);
    let stream = saved(&mut machine);
    let found: Vec<_> = sections(&stream).into_iter().map(|(name, instance, id, _)| (name, instance, id)).collect();
    let expected = [("dev", 0, 1), ("dev", 7, 2), ("dev", 8, 3), ("other", 0, 4)];
    assert_eq!(found, expected.map(|(name, instance, id)| (name.to_owned(), instance, id)));
}

#[test]
fn invalid_and_duplicate_names_are_rejected() {
    let mut machine = Machine::new();
    machine.register("dev", dev(1)).unwrap();
    let again = machine.add(Registration::device("dev", dev(2)).instance_id(0));
    assert_eq!(again, Err(RegisterError::Duplicate { name: "dev".into(), instance_id: 0 }));
    assert!(matches!(machine.register("", dev(1)), Err(RegisterError::Name { length: 0, .. })));
    assert!(matches!(machine.register("x".repeat(256), dev(1)), Err(RegisterError::Name { length: 256, .. })));
    machine.register("x".repeat(255), dev(1)).unwrap();
    let long = Registration::device("dev", dev(1)).device_path("0000:00:01.3/".repeat(20));
    assert!(matches!(machine.add(long), Err(RegisterError::Name { .. })));
    let compat = Registration::device("uart", dev(1)).compat("serial", 0);
    assert!(matches!(machine.add(compat), Err(RegisterError::Compat { .. })));
    let last = Registration::device("last", dev(1)).instance_id(u32::MAX);
    assert!(matches!(machine.add(last), Err(RegisterError::InstanceIds { .. })));
    let again = machine.add(Registration::device("again", dev(1)).section_id(1)).unwrap_err();
    assert_eq!(again.to_string(), "duplicate section id 1 of `again` and `dev`");
    assert_eq!(machine.sections().count(), 2);
}

#[test]
fn device_with_path_is_found_by_its_old_name() {
    let stream = |name: &str, instance_id| {
        let mut machine = Machine::new();
        machine.add(Registration::device(name, dev(7)).instance_id(instance_id)).unwrap();
        saved(&mut machine)
    };
    for (name, instance_id, found) in [
        ("0000:00:01.3/dev", 0, true),
        ("dev", 4, true),
        ("dev", 0, false),
        ("0000:00:01.3/dev", 4, false),
        ("0000:00:02.0/dev", 0, false),
        ("ev", 4, false),
    ] {
        let mut device = Dev::default();
        let mut machine = Machine::new();
        let registration = Registration::device("dev", &mut device).device_path("0000:00:01.3").instance_id(4);
        machine.add(registration).unwrap();
        let loaded = machine.load(&stream(name, instance_id)[..]);
        assert_eq!(loaded.is_ok(), found, "{name} {instance_id}");
        drop(machine);
        assert_eq!(device.value == 7, found);
    }
}

#[test]
fn alias_is_accepted_as_instance_id() {
    let mut stream = Vec::new();
    let mut machine = Machine::new();
    machine.add(Registration::device("dev", dev(7)).instance_id(5)).unwrap();
    machine.save(&mut stream).unwrap();

    let mut device = Dev::default();
    let mut machine = Machine::new();
    machine.add(Registration::device("dev", &mut device).instance_id(1).alias_id(5, 2)).unwrap();
    machine.load(&stream[..]).unwrap();
    drop(machine);
    assert_eq!(device.value, 7);

    let useless = Registration::device("dev", &mut device).alias_id(5, 1);
    let error = Machine::new().add(useless).unwrap_err();
    assert_eq!(
        error.to_string(),
        "obsolete alias of `dev`: only versions up to 1 use it, and the device reads version 2 and newer"
    );
}

#[test]
fn unregistered_device_is_not_saved() {
    let mut machine = Machine::new();
    let first = machine.register("dev", dev(1)).unwrap();
    machine.register("dev", dev(2)).unwrap();
    assert!(machine.unregister(first) && !machine.unregister(first));
    assert_eq!(machine.sections().collect::<Vec<_>>(), [("dev", 1)]);
    machine.register("dev", dev(3)).unwrap();
    assert_eq!(machine.sections().collect::<Vec<_>>(), [("dev", 1), ("dev", 2)]);
}

#[derive(VmState, Default)]
#[vmstate(unmigratable)]
struct Gpu {
    head: u8,
}

#[test]
fn blocked_save_reports_the_reason() {
    let mut machine = Machine::new();
    let gpu = machine.register("gpu", Gpu::default()).unwrap();
    let disk = machine.add_blocker("a disk is being repaired");
    let reasons = machine.save(Vec::new()).unwrap_err().to_string();
    let expected = "section \"gpu\" (instance 0) is unmigratable; a disk is being repaired";
    assert_eq!(reasons, expected);
    machine.unregister(gpu);
    assert!(machine.remove_blocker(disk) && !machine.remove_blocker(disk));
    machine.save(Vec::new()).unwrap();
}

#[derive(VmState, Default)]
#[vmstate(early_setup)]
struct Early {
    value: u8,
}

#[derive(VmState)]
#[vmstate(needed = Self::is_on)]
struct Optional {
    on: bool,
}

impl Optional {
    fn is_on(&self) -> bool {
        self.on
    }
}

#[test]
fn sections_are_in_qemus_order() {
    let mut ram = [vmstate::memory::VecBlock::new("ram", vec![0; 4096])];
    let mut machine = Machine::new();
    machine.register("last", dev(1)).unwrap();
    machine.register_ram(vmstate::memory::PageSize::DEFAULT, &mut ram[..]).unwrap();
    machine.register("early", Early::default()).unwrap();
    machine.register("off", Optional { on: false }).unwrap();
    machine.register("on", Optional { on: true }).unwrap();
    machine.add(Registration::raw("raw", 1, Bytes).priority(Priority::PciBus)).unwrap();
    let stream = saved(&mut machine);
    let mut reader = Reader::from_slice(&stream);
    let mut walk = StreamDecoder::new(&mut reader, None).unwrap();
    let mut names = Vec::new();
    while let Some(event) = walk.next_event().unwrap() {
        if let StreamEvent::Section { header, .. } | StreamEvent::Ram(header) = event {
            names.push(format!("{} {}", header.name, header.kind));
        }
    }
    assert_eq!(names, ["ram start", "early full", "ram end", "raw full", "last full", "on full"]);
    let loaded = machine.load(&stream[..]).unwrap();
    assert_eq!(loaded.missing, [("off".to_owned(), 0)], "a missing optional section is not an error");
}

struct Bytes;

impl vmstate::section::RawSection for Bytes {
    fn save(&mut self, out: &mut Writer) -> Result<(), SaveError> {
        out.u8(1);
        Ok(())
    }

    fn load(&mut self, reader: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        reader.skip(1)
    }
}

#[test]
fn section_is_saved_at_the_peers_version() {
    let mut machine = Machine::new();
    machine.register("dev", Dev { value: 1, newer: 9 }).unwrap();
    machine.register("other", Dev { value: 2, newer: 9 }).unwrap();
    let mut stream = Vec::new();
    machine.save_with(&mut stream, SaveOptions::new().version("dev", 2)).unwrap();
    let versions: Vec<_> = sections(&stream).into_iter().map(|(name, _, _, version)| (name, version)).collect();
    assert_eq!(versions, [("dev".to_owned(), 2), ("other".to_owned(), 3)]);
    let both = SaveOptions::new().versions([("dev", 2), ("other", 2), ("unknown", 1)]);
    machine.save_with(&mut stream, both).unwrap();
    let error = machine.save_with(&mut stream, SaveOptions::new().version("dev", 4)).unwrap_err();
    let expected = "section \"dev\" (instance 0) can be saved at versions 2 to 3, not 4";
    assert_eq!(error.to_string(), expected);
}
