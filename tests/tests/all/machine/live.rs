//! Live sections: guest memory, and a second implementation of the trait.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;

use vmstate::machine::{LoadOptions, LocalMachine, SaveOptions, SaveSession};
use vmstate::memory::{DirtyLog, Layout, Marked, PageSize, RamBlock, VecBlock};
use vmstate::prelude::*;
use vmstate::ram::Ram;
use vmstate::registry::Registration;
use vmstate::section::{LiveSection, Output, Pending};
use vmstate::stream::{SectionKind, StreamItem, StreamReader};

/// A log of entries that grows while it is sent, with the calls of its methods.
#[derive(Default)]
struct Log {
    calls: Rc<RefCell<Vec<String>>>,
    entries: Vec<u32>,
    sent: usize,
    before: Option<Vec<u32>>,
    /// The entry that fails to load.
    poison: Option<u32>,
    inactive: bool,
    /// Set if no part is sent.
    paused: bool,
    /// Set if the connection cannot be replaced.
    rigid: bool,
}

impl Log {
    fn call(&self, name: &str) {
        self.calls.borrow_mut().push(name.to_owned());
    }

    fn send(&mut self, out: &mut Output<'_>, count: usize) {
        let rest = &self.entries[self.sent..];
        let entries = &rest[..count.min(rest.len())];
        out.writer().u32(u32::try_from(entries.len()).unwrap());
        entries.iter().for_each(|entry| out.writer().u32(*entry));
        self.sent += entries.len();
    }
}

impl LiveSection for Log {
    fn is_active(&self) -> bool {
        !self.inactive
    }

    fn is_active_iterate(&self) -> bool {
        !self.paused
    }

    fn save_setup(&mut self, out: &mut Output<'_>) -> Result<(), SaveError> {
        self.call("save_setup");
        self.sent = 0;
        out.writer().u8(0x4c);
        Ok(())
    }

    fn pending_exact(&mut self) -> Pending {
        Pending::new(4 * (self.entries.len() - self.sent) as u64, 0)
    }

    fn save_iterate(&mut self, out: &mut Output<'_>, budget: u64) -> Result<bool, SaveError> {
        self.call("save_iterate");
        self.send(out, usize::try_from(budget / 4).unwrap());
        Ok(self.sent == self.entries.len())
    }

    fn save_complete(&mut self, out: &mut Output<'_>) -> Result<(), SaveError> {
        self.call("save_complete");
        self.send(out, usize::MAX);
        Ok(())
    }

    fn save_cleanup(&mut self) {
        self.call("save_cleanup");
    }

    fn load_setup(&mut self, undoable: bool) -> Result<(), LoadError> {
        self.call("load_setup");
        self.before = undoable.then(|| self.entries.clone());
        self.entries.clear();
        Ok(())
    }

    fn load(&mut self, reader: &mut Reader<'_>, kind: SectionKind, version: u32) -> Result<(), LoadError> {
        assert_eq!(version, 2, "the version of the start");
        self.call(&format!("load {kind}"));
        if kind == SectionKind::Start {
            return reader.skip(1);
        }
        for _ in 0..reader.u32()? {
            let entry = reader.u32()?;
            if self.poison == Some(entry) {
                return Err(LoadError::rejected("another entry", entry));
            }
            self.entries.push(entry);
        }
        Ok(())
    }

    fn load_finish(&mut self) -> Result<(), LoadError> {
        self.call("load_finish");
        Ok(())
    }

    fn load_undo(&mut self) -> Result<(), LoadError> {
        self.call("load_undo");
        self.entries = self.before.take().unwrap_or_default();
        Ok(())
    }

    fn load_cleanup(&mut self) {
        self.call("load_cleanup");
    }

    fn resume_prepare(&mut self) -> Result<(), SaveError> {
        self.call("resume_prepare");
        if self.rigid { Err(SaveError::misuse("the connection cannot be replaced")) } else { Ok(()) }
    }
}

/// Returns a machine with a log of `entries` entries, and the calls.
fn logging(entries: u32) -> (LocalMachine<'static>, Rc<RefCell<Vec<String>>>) {
    let log = Log { entries: (0..entries).collect(), ..Log::default() };
    let calls = log.calls.clone();
    let mut machine = LocalMachine::new_local();
    machine.register_live("log", 2, log).unwrap();
    (machine, calls)
}

#[test]
fn save_calls_each_phase() {
    let (mut machine, calls) = logging(100);
    let (mut writer, mut stream) = (Writer::new(), Vec::new());
    let mut saving = machine.start_saving(Output::new(&mut writer, Some(&mut stream)), SaveOptions::new()).unwrap();
    assert_eq!(saving.pending_estimate(), Pending::new(400, 0));
    assert!(!saving.iterate(160).unwrap().complete);
    assert_eq!(saving.pending_exact().total(), 240);
    assert!(saving.iterate(1000).unwrap().complete);
    saving.resume_prepare().unwrap();
    let saved = saving.complete().unwrap();
    assert_eq!((saved.sections, saved.bytes), (4, stream.len() as u64));
    let phases = ["save_setup", "save_iterate", "save_iterate", "resume_prepare", "save_complete", "save_cleanup"];
    assert_eq!(*calls.borrow(), phases);

    let (mut loading, calls) = logging(3);
    loading.load(&stream[..]).unwrap();
    let phases = ["load_setup", "load start", "load part", "load part", "load end", "load_finish", "load_cleanup"];
    assert_eq!(*calls.borrow(), phases);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    machine.save(&mut first).unwrap();
    loading.save(&mut second).unwrap();
    assert_eq!(first, second);
}

#[test]
fn only_active_sections_are_asked() {
    let log = |entries| Log { entries: vec![1; entries], ..Log::default() };
    let logs = [
        ("active", log(1)),
        ("paused", Log { paused: true, ..log(20) }),
        ("inactive", Log { inactive: true, ..log(300) }),
    ];
    let mut machine = LocalMachine::new_local();
    let calls = logs.map(|(name, log)| {
        let calls = log.calls.clone();
        machine.register_live(name, 2, log).unwrap();
        calls
    });
    let mut writer = Writer::new();
    let mut saving = machine.start_saving(Output::new(&mut writer, None), SaveOptions::new()).unwrap();
    assert_eq!(saving.pending_exact(), Pending::new(4 * 21, 0));
    assert!(saving.iterate(u64::MAX).unwrap().complete);
    saving.complete().unwrap();
    let calls = calls.map(|calls| calls.take());
    assert_eq!(calls[0], ["save_setup", "save_iterate", "save_complete", "save_cleanup"]);
    assert_eq!(calls[1], ["save_setup", "save_complete", "save_cleanup"]);
    assert_eq!(calls[2], ["save_cleanup"]);
    let options = SaveOptions::new().device_state_only();
    let mut saving = machine.start_saving(Output::new(&mut writer, None), options).unwrap();
    assert_eq!(saving.pending_exact(), Pending::default());
}

#[test]
fn finished_session_cleans_up() {
    let (mut machine, calls) = logging(1);
    let mut writer = Writer::new();
    let mut out = Output::new(&mut writer, None);
    let session = SaveSession::begin(&mut machine, &mut out, SaveOptions::new()).unwrap();
    session.finish(&mut machine, &mut out).unwrap();
    assert_eq!(*calls.borrow(), ["save_setup", "save_complete", "save_cleanup"]);
}

#[test]
fn section_that_cannot_continue_is_named() {
    let mut machine = LocalMachine::new_local();
    machine.register_live("log", 2, Log { rigid: true, ..Log::default() }).unwrap();
    let mut writer = Writer::new();
    let mut saving = machine.start_saving(Output::new(&mut writer, None), SaveOptions::new()).unwrap();
    let error = saving.resume_prepare().unwrap_err().to_string();
    assert!(error.contains("log") && error.contains("the connection cannot be replaced"), "{error}");
}

#[test]
fn aborted_save_cleans_up() {
    let (mut machine, calls) = logging(100);
    let mut writer = Writer::new();
    let mut saving = machine.start_saving(Output::new(&mut writer, None), SaveOptions::new()).unwrap();
    saving.iterate(4).unwrap();
    drop(saving);
    assert_eq!(*calls.borrow(), ["save_setup", "save_iterate", "save_cleanup"]);
}

#[test]
fn failed_load_rolls_back_and_cleans_up() {
    let (mut source, _) = logging(100);
    let mut stream = Vec::new();
    source.save(&mut stream).unwrap();

    let log = Log { entries: vec![7], poison: Some(60), ..Log::default() };
    let calls = log.calls.clone();
    let mut machine = LocalMachine::new_local();
    machine.register_live("log", 2, log).unwrap();
    let error = machine.load(&stream[..]).unwrap_err();
    assert_eq!(error.found(), "60");
    assert_eq!(*calls.borrow(), ["load_setup", "load start", "load end", "load_undo", "load_cleanup"]);
    let (mut after, mut before) = (Vec::new(), Vec::new());
    machine.save(&mut after).unwrap();
    let mut log = LocalMachine::new_local();
    log.register_live("log", 2, Log { entries: vec![7], ..Log::default() }).unwrap();
    log.save(&mut before).unwrap();
    assert_eq!(after, before);
}

#[test]
fn live_section_without_start_or_end_is_an_error() {
    let (mut machine, _) = logging(10);
    let mut stream = Vec::new();
    machine.save_with(&mut stream, SaveOptions::new().description(None)).unwrap();
    // Without the end: tag, id, count and entries, footer.
    let end = stream.len() - 1 - (1 + 4 + 4 + 40 + 5);
    let started = [&stream[..end], &[0]].concat();
    let error = machine.load(&started[..]).unwrap_err();
    assert_eq!((error.expected(), error.found()), ("section \"log\" (instance 0)", "only its first parts"));
    machine.load(&stream[..]).unwrap();
}

/// A destination that remembers how much it ever got at once.
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
fn memory_is_sent_in_slices() {
    let mut ram = [VecBlock::new("ram", vec![1; 16 << 20])];
    let mut machine = Machine::new();
    machine.register_ram(PageSize::DEFAULT, &mut ram[..]).unwrap();
    let mut largest = Largest(0);
    let saved = machine.save(&mut largest).unwrap();
    assert!(saved.bytes > 16 << 20);
    assert!(largest.0 < 1 << 20, "{} bytes gathered", largest.0);
}

#[test]
fn devices_only_save_omits_live_sections() {
    let mut ram = [VecBlock::new("ram", vec![1; 4096])];
    let mut machine = Machine::with_type("xen");
    machine.register_ram(PageSize::DEFAULT, &mut ram[..]).unwrap();
    machine.register("fifo", super::devices::Fifo::default()).unwrap();
    let mut stream = Vec::new();
    machine.save_with(&mut stream, SaveOptions::new().device_state_only()).unwrap();
    let mut reader = Reader::from_slice(&stream);
    let mut items = StreamReader::new(&mut reader).unwrap();
    assert_eq!(items.configuration(), None);
    let Some(StreamItem::Section(section)) = items.next_item().unwrap() else { panic!("a section") };
    assert_eq!((&*section.name, section.kind), ("fifo", SectionKind::Full));
    items.payload().skip(1).unwrap();
    assert_eq!(items.next_item().unwrap(), None);
    assert_eq!(items.description().unwrap(), None);
    let options = LoadOptions::new().ignore_machine_type().rules(vmstate::machine::Rules::QEMU);
    machine.load_with(&mut Reader::from_slice(&stream), options).unwrap();
}

/// Memory that the guest writes while it is sent, with a dirty log.
struct Guest {
    memory: VecBlock,
    log: Arc<Marked>,
}

impl Guest {
    fn new(bytes: Vec<u8>) -> Self {
        let memory = VecBlock::new("guest", bytes);
        let log = Arc::new(Marked::new(&Layout::new(PageSize::DEFAULT, [&memory]).unwrap()));
        Self { memory, log }
    }

    fn poke(&self, place: u64, value: u8) {
        self.memory.write(place, &[value]).unwrap();
        self.log.mark(0, place, 1);
    }

    fn section(&self) -> Registration<'_> {
        let ram = Ram::new(PageSize::DEFAULT, [&self.memory]).dirty_log(self.log.clone());
        Registration::live("ram", vmstate::ram::VERSION, ram)
    }
}

#[test]
fn guest_writes_while_its_memory_is_sent() {
    let guest = Guest::new(vec![1; 64 * 4096]);
    let mut machine = Machine::new();
    machine.add(guest.section()).unwrap();
    let (mut writer, mut stream) = (Writer::new(), Vec::new());
    guest.poke(5, 9);
    let mut saving = machine.start_saving(Output::new(&mut writer, Some(&mut stream)), SaveOptions::new()).unwrap();
    assert_eq!(saving.pending_exact().total(), 64 * 4096, "pages that were dirty before count once");
    assert!(!saving.iterate(30 * 4096).unwrap().complete);
    guest.poke(4096 + 7, 2);
    guest.poke(60 * 4096, 0);
    assert_eq!(saving.pending_estimate().total(), 34 * 4096);
    assert_eq!(saving.pending_exact().total(), 35 * 4096);
    assert!(saving.iterate(u64::MAX).unwrap().complete);
    guest.poke(63 * 4096 + 4095, 3);
    guest.poke(0, 4);
    let saved = saving.complete().unwrap();
    assert!(saved.bytes < 72 * 4096, "68 pages were sent: {} bytes", saved.bytes);

    let mut copy = [VecBlock::new("guest", vec![0; 64 * 4096])];
    let mut other = Machine::new();
    other.register_ram(PageSize::DEFAULT, &mut copy[..]).unwrap();
    other.load(&stream[..]).unwrap();
    drop(other);
    assert_eq!(copy[0], guest.memory);
    // The save has stopped the log.
    guest.log.start().unwrap();
}
