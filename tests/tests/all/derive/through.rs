//! `through`: values that functions of the struct return and take back.

use vmstate::description::Kind;
use vmstate::info::Sequence;
use vmstate::laws::Laws;
use vmstate::prelude::*;
use vmstate::schema::Release;
use vmstate::walk;

use super::{check_truncation, described, load, loaded, refused, save};

/// A generator of another crate: its state is only accessible through functions.
#[derive(Clone, Debug, Default, PartialEq)]
struct Random(u32);

impl Random {
    fn state(&self) -> u32 {
        self.0
    }

    fn from_state(state: u32) -> Result<Self, &'static str> {
        if state == 9 { Err("the generator has no state 9") } else { Ok(Self(state)) }
    }
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "part")]
struct Part {
    x: u8,
    #[vmstate(skip = "not migrated")]
    local: u8,
}

#[derive(VmState, Clone, Debug, PartialEq)]
#[vmstate(name = "dev", version = 2)]
struct Dev {
    #[vmstate(skip = "configured")]
    start: usize,
    #[vmstate(through(u32, get = |dev| dev.random.state(), set = Self::set_random))]
    random: Random,
    /// The mutable end of the memory.
    #[vmstate(through(Vec<u8>, get = Self::ram, set = Self::set_ram), with = Sequence<4>)]
    memory: Box<[u8]>,
    #[vmstate(through(usize, get = |dev| dev.bank.len(), set = |dev, length| dev.bank = vec![0; length]), wire = u8)]
    bank: Vec<u8>,
    #[vmstate(through(Part, get = |dev| dev.part.clone(), set = |dev, part| dev.part = part))]
    part: Part,
    #[vmstate(through(u16, get = |dev| dev.id, set = |_, _| ()), equal = "use the same game")]
    id: u16,
    #[vmstate(through(u8, get = |dev| dev.added, set = |dev, added| dev.added = added), since = 2, default = 7)]
    added: u8,
}

impl Default for Dev {
    fn default() -> Self {
        Self {
            start: 2,
            random: Random(0),
            memory: Box::new([1, 2, 0, 0]),
            bank: vec![],
            part: Part::default(),
            id: 5,
            added: 0,
        }
    }
}

impl Dev {
    fn set_random(&mut self, state: u32) -> Result<(), &'static str> {
        self.random = Random::from_state(state)?;
        Ok(())
    }

    fn ram(&self) -> Vec<u8> {
        self.memory[self.start..].to_vec()
    }

    #[expect(clippy::needless_pass_by_value, reason = "the signature of `set`")]
    fn set_ram(&mut self, ram: Vec<u8>) -> Result<(), String> {
        let end = &mut self.memory[self.start..];
        if ram.len() != end.len() {
            return Err(format!("expected {} bytes, found {}", end.len(), ram.len()));
        }
        end.copy_from_slice(&ram);
        Ok(())
    }
}

fn full() -> Dev {
    Dev {
        random: Random(0x0102_0304),
        memory: Box::new([1, 2, 3, 4]),
        bank: vec![0; 3],
        part: Part { x: 6, local: 0 },
        added: 8,
        ..Dev::default()
    }
}

const FULL: [u8; 15] = [1, 2, 3, 4, 0, 0, 0, 2, 3, 4, 3, 6, 0, 5, 8];

#[test]
fn through_sends_the_value_of_get() {
    assert_eq!(save(&mut full()), FULL);
    assert_eq!(loaded(Dev::default(), &FULL), full());
    let mut slice = [0; FULL.len()];
    assert_eq!(full().save_to_slice(&mut slice).unwrap(), FULL.len());
    assert_eq!(slice, FULL);
}

#[test]
fn through_loads_into_the_value_of_get() {
    let mut device = Dev { part: Part { x: 0, local: 77 }, ..Dev::default() };
    load(&mut device, &FULL, 2).unwrap();
    assert_eq!(device.part, Part { x: 6, local: 77 });
}

#[test]
fn rejected_value_has_place_and_reason() {
    let mut bytes = FULL;
    bytes[..4].copy_from_slice(&[0, 0, 0, 9]);
    let error = refused(Dev::default(), &bytes);
    assert_eq!((error.path().as_str(), error.offset()), ("dev.random", Some(0)));
    assert_eq!(error.expected(), "a value that `set` accepts");
    assert_eq!(error.found(), "the generator has no state 9");

    bytes = FULL;
    bytes[7] = 1;
    let error = refused(Dev::default(), &bytes);
    assert_eq!((error.path().as_str(), error.offset()), ("dev.memory", Some(4)));
    assert_eq!(error.found(), "expected 2 bytes, found 1");
}

#[test]
fn equal_compares_with_the_value_of_get() {
    let mut bytes = FULL;
    bytes[13] = 6;
    let error = refused(Dev::default(), &bytes);
    assert_eq!((error.path().as_str(), error.advice()), ("dev.id", Some("use the same game")));
}

#[test]
fn gates_apply_to_through() {
    let mut old = Writer::new();
    walk::save(&mut full(), &mut old, 1).unwrap();
    assert_eq!(old.pending(), &FULL[..14]);
    let mut device = Dev::default();
    load(&mut device, old.pending(), 1).unwrap();
    assert_eq!(device, Dev { added: 7, ..full() });
}

#[test]
fn through_is_described_as_its_value() {
    let fields = Dev::DESCRIPTION.fields;
    assert_eq!(fields[0].form.kind, Kind::Info("uint32"));
    assert_eq!((fields[2].form.kind, fields[2].form.size), (Kind::Info("uint8"), Some(1)));
    let text = described(&mut full(), Release::Qemu10_0);
    assert!(text.contains(r#"{"name": "random", "type": "uint32", "size": 4}"#), "{text}");
    assert!(text.contains(r#"{"name": "part", "type": "struct""#), "{text}");
}

#[test]
fn every_truncation_is_an_error() {
    check_truncation::<Dev>(&FULL, 2);
}

#[test]
fn rollback_restores_values_that_set_takes_back() {
    let mut device = full();
    let mut checkpoint = Writer::new();
    walk::checkpoint(&mut device, &mut checkpoint).unwrap();
    let mut bytes = save(&mut Dev::default());
    bytes.truncate(bytes.len() - 1);
    device.load(&mut Reader::from_slice(&bytes), 2).unwrap_err();
    assert_ne!(device, full());
    walk::restore(&mut device, checkpoint.pending()).unwrap();
    assert_eq!(device, full());
}

#[test]
fn through_obeys_the_laws() {
    let laws = Laws::new(|_| full());
    laws.round_trip();
    laws.corruption();
    laws.loading_twice();
    laws.older_versions();
}
