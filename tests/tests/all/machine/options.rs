//! Options of saves and loads, and the checks in each step of a session.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use vmstate::error::{LoadErrorKind, SaveErrorKind};
use vmstate::machine::{LoadOptions, LoadSession, LocalMachine, Rules, SaveOptions, SaveSession, Step, Unknown};
use vmstate::prelude::*;
use vmstate::section::{LiveSection, Output, Pending, RawSection};
use vmstate::stream::{Command, Configuration, SectionKind};

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
struct Dev {
    value: u16,
}

/// A byte that is saved by hand.
#[derive(Default)]
struct Byte(u8);

impl RawSection for Byte {
    fn save(&mut self, out: &mut Writer) -> Result<(), SaveError> {
        out.u8(self.0);
        Ok(())
    }

    fn load(&mut self, reader: &mut Reader<'_>, _version: u32) -> Result<(), LoadError> {
        self.0 = reader.u8()?;
        Ok(())
    }
}

fn machine(devices: u16) -> Machine<'static> {
    let mut machine = Machine::with_type("board");
    for value in 0..devices {
        machine.register("dev", Dev { value }).unwrap();
    }
    machine
}

fn saved(machine: &mut Machine<'_>, options: SaveOptions) -> Vec<u8> {
    let mut stream = Vec::new();
    machine.save_with(&mut stream, options).unwrap();
    stream
}

#[test]
fn machine_returns_its_configuration() {
    assert_eq!(Machine::new().configuration(), None);
    assert_eq!(machine(0).configuration(), Some(&Configuration::new("board")));
}

#[test]
fn stream_without_header_begins_with_a_section() {
    let stream = saved(&mut machine(1), SaveOptions::new().without_header().description(None));
    assert_eq!(&stream[..10], b"\x04\0\0\0\x01\x03dev\0");
    let mut target = Dev { value: 9 };
    let mut machine = Machine::with_type("board");
    machine.register("dev", &mut target).unwrap();
    machine.load(&stream[..]).unwrap_err();
    machine.load_with(&mut Reader::from_slice(&stream), LoadOptions::new().without_header()).unwrap();
    drop(machine);
    assert_eq!(target.value, 0);
}

#[test]
fn high_section_ids_follow_two_to_the_30() {
    let options = || SaveOptions::new().without_header().description(None);
    let stream = saved(&mut machine(2), options().high_section_ids());
    assert_eq!(stream[..5], [4, 0x40, 0, 0, 1]);
    assert_eq!(stream.len(), saved(&mut machine(2), options()).len());
    machine(2).load_with(&mut Reader::from_slice(&stream), LoadOptions::new().without_header()).unwrap();
}

#[test]
fn commands_of_the_options_precede_the_sections() {
    let commands = [Command::OpenReturnPath, Command::Ping(7)];
    let stream = saved(&mut machine(1), SaveOptions::new().commands(commands.clone()));
    let mut target = machine(1);
    let mut reader = Reader::from_slice(&stream);
    let mut items = LoadOptions::new().open(&mut reader).unwrap();
    let mut session = LoadSession::begin(&mut target, &mut items, LoadOptions::new()).unwrap();
    for command in commands {
        assert_eq!(session.step(&mut target, &mut items).unwrap(), Step::Command(command));
    }
    assert!(matches!(session.step(&mut target, &mut items).unwrap(), Step::Section(_)));
    session.roll_back(&mut target);
}

#[test]
fn reports_count_bytes_from_the_first_of_the_stream() {
    let mut source = machine(3);
    let mut writer = Writer::new();
    writer.u32(0);
    let mut out = Output::new(&mut writer, None);
    let session = SaveSession::begin(&mut source, &mut out, SaveOptions::new()).unwrap();
    let stats = session.finish(&mut source, &mut out).unwrap();
    let stream = writer.take();
    assert_eq!((stats.sections, stats.bytes), (3, stream.len() as u64 - 4));

    let mut target = machine(1);
    let rules = Rules::default().unknown(Unknown::PassThrough);
    let mut reader = Reader::from_slice(&stream);
    reader.skip(4).unwrap();
    let report = target.load_with(&mut reader, LoadOptions::new().rules(rules)).unwrap();
    let description = report.description.unwrap().len() as u64;
    assert_eq!((report.sections, report.bytes), (3, stats.bytes - description - 5));
    let mut again = Vec::new();
    let stats = target.save(&mut again).unwrap();
    assert_eq!((stats.sections, stats.bytes), (3, again.len() as u64), "with the sections of unknown devices");
}

#[test]
fn missing_raw_section_is_an_error() {
    let stream = saved(&mut machine(1), SaveOptions::new());
    let mut target = machine(1);
    target.register_raw("byte", 1, Byte(1)).unwrap();
    let error = target.load(&stream[..]).unwrap_err();
    assert_eq!(error.kind(), LoadErrorKind::MissingSection);
    assert_eq!(error.expected(), "section \"byte\" (instance 0)");
}

#[test]
fn newer_raw_section_is_rejected_before_it_loads() {
    let mut source = machine(0);
    source.register_raw("byte", 2, Byte(1)).unwrap();
    let stream = saved(&mut source, SaveOptions::new().description(None));
    let mut target = machine(0);
    target.register_raw("byte", 1, Byte(2)).unwrap();
    let error = target.load(&stream[..]).unwrap_err();
    assert_eq!(error.qemu_message(), Some("savevm: unsupported version 2 for 'byte' v1"));
}

/// Accepts bytes, and records the largest number in one call.
struct Largest(usize);

impl Write for Largest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn long_description_is_sent_in_pieces() {
    let mut largest = Largest(0);
    let stats = machine(4000).save(&mut largest).unwrap();
    assert!(stats.bytes > 2 * largest.0 as u64, "{} of {} bytes at once", largest.0, stats.bytes);
}

/// A live section whose setup fails if the flag is set, and which counts its cleanups.
#[derive(Clone, Default)]
struct Fragile(Rc<RefCell<(bool, u32)>>);

impl LiveSection for Fragile {
    fn save_setup(&mut self, _: &mut Output<'_>) -> Result<(), SaveError> {
        if self.0.borrow().0 { Err(SaveError::rejected("no setup")) } else { Ok(()) }
    }

    fn pending_exact(&mut self) -> Pending {
        Pending::default()
    }

    fn save_iterate(&mut self, out: &mut Output<'_>, _: u64) -> Result<bool, SaveError> {
        out.writer().u8(1);
        Ok(true)
    }

    fn save_complete(&mut self, _: &mut Output<'_>) -> Result<(), SaveError> {
        Ok(())
    }

    fn save_cleanup(&mut self) {
        self.0.borrow_mut().1 += 1;
    }

    fn load_setup(&mut self, _: bool) -> Result<(), LoadError> {
        Ok(())
    }

    fn load(&mut self, _: &mut Reader<'_>, _: SectionKind, _: u32) -> Result<(), LoadError> {
        Ok(())
    }

    fn load_undo(&mut self) -> Result<(), LoadError> {
        Ok(())
    }
}

#[test]
fn failed_and_aborted_saves_clean_up_at_once() {
    let fragile = Fragile::default();
    let mut machine = LocalMachine::new_local();
    machine.register_live("live", 1, fragile.clone()).unwrap();
    let mut writer = Writer::new();
    let mut out = Output::new(&mut writer, None);
    SaveSession::begin(&mut machine, &mut out, SaveOptions::new()).unwrap().abort(&mut machine);
    assert_eq!(fragile.0.borrow().1, 1);
    fragile.0.borrow_mut().0 = true;
    let error = SaveSession::begin(&mut machine, &mut out, SaveOptions::new()).unwrap_err();
    assert!(error.to_string().contains("no setup"), "{error}");
    assert_eq!(fragile.0.borrow().1, 2);
}

#[test]
fn iteration_counts_its_own_bytes() {
    let mut machine = LocalMachine::new_local();
    machine.register_live("live", 1, Fragile::default()).unwrap();
    let mut writer = Writer::new();
    let mut out = Output::new(&mut writer, None);
    let mut session = SaveSession::begin(&mut machine, &mut out, SaveOptions::new()).unwrap();
    let before = out.writer().offset();
    let iteration = session.iterate(&mut machine, &mut out, 1).unwrap();
    assert_eq!((iteration.complete, iteration.bytes), (true, 1 + 4 + 1 + 5));
    assert_eq!(out.writer().offset() - before, iteration.bytes);
    session.abort(&mut machine);
}

#[test]
fn every_save_step_checks_the_sections() {
    type Step = fn(&mut SaveSession, &mut Machine<'_>, &mut Output<'_>) -> Result<(), SaveError>;
    let steps: [Step; 4] = [
        |session, machine, out| session.iterate(machine, out, 1).map(drop),
        |session, machine, _| session.resume_prepare(machine),
        |session, machine, out| session.complete_live(machine, out),
        |session, machine, out| session.devices(machine, out),
    ];
    for step in steps {
        let mut machine = machine(1);
        let mut writer = Writer::new();
        let mut out = Output::new(&mut writer, None);
        let mut session = SaveSession::begin(&mut machine, &mut out, SaveOptions::new()).unwrap();
        machine.register("plugged", Dev::default()).unwrap();
        let error = step(&mut session, &mut machine, &mut out).unwrap_err();
        assert_eq!(error.kind(), SaveErrorKind::Misuse);
        session.abort(&mut machine);
    }
}

#[test]
fn every_load_step_checks_the_sections() {
    type Attempt = fn(LoadSession, &mut Machine<'_>) -> Result<(), LoadError>;
    let attempts: [Attempt; 3] = [
        |mut session, machine| session.run_post_load(machine),
        |mut session, machine| session.forgo_rollback(machine),
        |session, machine| session.commit(machine).map(drop),
    ];
    let stream = saved(&mut machine(1), SaveOptions::new());
    for attempt in attempts {
        let mut machine = machine(1);
        let mut reader = Reader::from_slice(&stream);
        let mut items = LoadOptions::new().open(&mut reader).unwrap();
        let mut session = LoadSession::begin(&mut machine, &mut items, LoadOptions::new()).unwrap();
        while session.step(&mut machine, &mut items).unwrap() != Step::End {}
        machine.register("plugged", Dev::default()).unwrap();
        let error = attempt(session, &mut machine).unwrap_err();
        assert_eq!(error.expected(), "the machine as it was when the session began");
    }
}
