//! The diagnosis of a failed load: the first field that differs between the device and the description in the stream.

use std::io::{Cursor, Read, Seek, Write};
use std::os::unix::net::UnixStream;

use vmstate::machine::{LoadOptions, Rules, SaveOptions, Unknown};
use vmstate::prelude::*;
use vmstate::registry::Registration;
use vmstate::schema::vmdesc::Document;
use vmstate_examples::devices::pci::PciDevice;
use vmstate_tests::releases::RELEASES;
use vmstate_tests::streams;

/// The power management of QEMU's `pc` machines, with a predicate that can be wrong. In QEMU 1.7 and 2.0, the source
/// sent fields that the destination did not expect, or the reverse (`vmstate_acpi` in `hw/acpi/piix4.c`).
#[derive(VmState, Default)]
#[vmstate(name = "piix4_pm", version = 3, minimum_version = 3)]
struct Piix4Pm {
    parent_obj: PciDevice,
    #[vmstate(name = "ar.pm1.evt.sts")]
    status: u16,
    #[vmstate(name = "ar.pm1.evt.en")]
    enabled: u16,
    #[vmstate(name = "ar.pm1.cnt.cnt")]
    control: u16,
    apm: Apm,
    smb: Smb,
    #[vmstate(timer, name = "ar.tmr.timer")]
    timer: Option<u64>,
    #[vmstate(name = "ar.tmr.overflow_time")]
    overflow_time: i64,
    #[vmstate(name = "ar.gpe")]
    gpe: Gpe,
    #[vmstate(name = "acpi_pci_hotplug.hotplug_select", when = Self::has_hotplug)]
    hotplug_select: u32,
    #[vmstate(name = "acpi_pci_hotplug.acpi_pcihp_pci_status", when = Self::has_hotplug)]
    hotplug_status: Slots,
    #[vmstate(name = "acpi_pci_hotplug.acpi_index", when = Self::has_index)]
    acpi_index: u32,
    #[vmstate(subsection("piix4_pm/memhp", needed = Self::never))]
    selector: Memory,
    #[vmstate(skip = "changed by the tests")]
    hotplug: bool,
    #[vmstate(skip = "changed by the tests")]
    index: bool,
}

/// 256 slots, in a form that has a default.
type Slots = [[Slot; 16]; 16];

impl Piix4Pm {
    fn with(hotplug: bool, index: bool) -> Self {
        Self { hotplug, index, ..Self::default() }
    }

    fn has_hotplug(&self) -> bool {
        self.hotplug
    }

    fn has_index(&self) -> bool {
        self.index
    }

    fn never(&self) -> bool {
        false
    }
}

#[derive(VmState, Default)]
#[vmstate(name = "APM State")]
struct Apm {
    apmc: u8,
    apms: u8,
}

#[derive(VmState, Default)]
#[vmstate(name = "pmsmb")]
struct Smb {
    smb_stat: u8,
    smb_ctl: u8,
    smb_cmd: u8,
    smb_addr: u8,
    smb_data0: u8,
    smb_data1: u8,
    smb_index: u32,
    smb_data: [u8; 32],
    smb_auxctl: u8,
    smb_blkdata: u8,
    i2c_enable: bool,
    op_done: bool,
    in_i2c_block_read: bool,
    start_transaction_on_status_read: bool,
}

#[derive(VmState, Default)]
#[vmstate(name = "gpe")]
struct Gpe {
    sts: u16,
    en: u16,
}

#[derive(VmState, Clone, Default)]
#[vmstate(name = "acpi_pcihp_pci_status")]
struct Slot {
    up: u32,
    down: u32,
}

#[derive(VmState, Default)]
#[vmstate(name = "memory hotplug state")]
struct Memory {
    selector: u32,
}

const SECTION: &str = "0000:00:01.3/piix4_pm";

/// Loads the section of a `pc` into `device`, and passes over all others.
fn load(device: &mut Piix4Pm, stream: &mut Reader<'_>) -> Result<(), LoadError> {
    let mut machine = Machine::new();
    machine.register(SECTION, device).unwrap();
    let options = LoadOptions::new().rules(Rules::default().unknown(Unknown::Skip)).ignore_machine_type();
    machine.load_with(stream, options).map(drop)
}

#[test]
fn wrong_predicate_is_diagnosed() {
    for name in ["qemu-7.2-pc", "qemu-10.0-pc"] {
        let stream = streams::named(name).bytes;
        load(&mut Piix4Pm::with(true, true), &mut Reader::from_slice(&stream)).unwrap();

        let error = load(&mut Piix4Pm::with(false, false), &mut Reader::from_slice(&stream)).unwrap_err();
        assert_eq!(
            error.qemu_message(),
            Some("Missing section footer for 0000:00:01.3/piix4_pm"),
            "all that QEMU says"
        );
        let diagnosis = error.diagnosis().unwrap();
        let (difference, progress) = diagnosis.rsplit_once("; ").unwrap();
        assert_eq!(
            difference,
            "`piix4_pm.acpi_pci_hotplug.hotplug_select`: the stream has uint32 of 4 bytes, this device has nothing: \
             the peer is newer or has an option that this side lacks, or a predicate is false or a counter is zero here"
        );
        assert!(progress.starts_with("the device stopped reading at byte "), "{progress}");
        assert!(
            error.report().to_string().contains("\n  because   `piix4_pm.acpi_pci_hotplug.hotplug_select`: the"),
            "{error}"
        );
    }
}

#[test]
fn description_comes_from_file_or_options() {
    let stream = streams::named("qemu-10.0-pc").bytes;
    let mut reader = Reader::from_file(Cursor::new(&stream));
    let error = load(&mut Piix4Pm::with(false, false), &mut reader).unwrap_err();
    assert!(error.diagnosis().unwrap().contains("hotplug_select"), "{error}");
    // A pipe could block.
    let error = load(&mut Piix4Pm::with(false, false), &mut Reader::from_read(Pipe(&stream))).unwrap_err();
    assert_eq!(error.diagnosis(), None);
    // But there may be an earlier stream of the same machine.
    let description = Document::from_stream(&stream).unwrap().unwrap();
    let mut machine = Machine::new();
    machine.register(SECTION, Piix4Pm::with(false, false)).unwrap();
    let options = LoadOptions::new().rules(Rules::default().unknown(Unknown::Skip)).ignore_machine_type();
    let error =
        machine.load_with(&mut Reader::from_read(Pipe(&stream)), options.description(description.clone())).unwrap_err();
    assert!(error.diagnosis().unwrap().contains("hotplug_select"), "{error}");
}

#[test]
fn unrelated_description_is_ignored() {
    let stream = streams::named("qemu-10.0-pc").bytes;
    let other = Document::from_stream(&streams::named("qemu-10.0-uno").bytes).unwrap().unwrap();
    let mut machine = Machine::new();
    machine.register(SECTION, Piix4Pm::with(false, false)).unwrap();
    let options = LoadOptions::new().rules(Rules::default().unknown(Unknown::Skip)).ignore_machine_type();
    let error = machine.load_with(&mut Reader::from_read(&stream[..]), options.description(other)).unwrap_err();
    assert_eq!(error.diagnosis(), None, "{error}");
}

#[test]
fn extra_local_field_is_diagnosed() {
    let mut stream = Vec::new();
    let mut source = Machine::with_type("pc");
    source.register(SECTION, Piix4Pm::with(true, false)).unwrap();
    source.save(&mut stream).unwrap();
    let error = load(&mut Piix4Pm::with(true, true), &mut Reader::from_slice(&stream)).unwrap_err();
    let difference = "`piix4_pm.acpi_pci_hotplug.acpi_index`: the stream has nothing, this device has uint32 of 4 bytes: \
                      the peer is older or lacks an option that this side has, or a gate or predicate is missing here";
    assert!(error.diagnosis().unwrap().starts_with(difference), "{error}");
}

#[test]
fn skipped_counter_is_diagnosed_with_the_unread_bytes() {
    #[derive(VmState)]
    #[vmstate(name = "queue")]
    struct Queue {
        level: u8,
        #[vmstate(len = count, max = 8)]
        items: Vec<u16>,
        #[vmstate(skip = "a property of the device")]
        count: u8,
    }

    let mut stream = Vec::new();
    let mut source = Machine::with_type("board");
    source.register("queue", Queue { level: 1, items: vec![2, 3, 4], count: 3 }).unwrap();
    source.save(&mut stream).unwrap();
    let mut machine = Machine::with_type("board");
    machine.register("queue", Queue { level: 0, items: Vec::new(), count: 1 }).unwrap();
    let error = machine.load(&stream[..]).unwrap_err();
    let report = error.report().to_string();
    assert!(report.contains("\n  because   `queue.items`: "), "{report}");
    assert!(report.contains("; the device stopped reading at byte 3 of 7\n"), "{report}");
}

/// Devices whose sections have the same name and not the same fields.
macro_rules! devices {
    ($($name:ident { $($field:ident: $type:ty,)* })*) => {$(
        #[derive(VmState, Default)]
        #[vmstate(name = "dev")]
        struct $name {
            $($field: $type,)*
        }
    )*};
}

devices! {
    Before { a: u16, b: u32, c: [u8; 4], fifo: Gpe, }
    More { a: u16, new: u8, b: u32, c: [u8; 4], fifo: Gpe, }
    Wider { a: u16, b: u64, c: [u8; 4], fifo: Gpe, }
    Longer { a: u16, b: u32, c: [u8; 6], fifo: Gpe, }
    Inside { a: u16, b: u32, c: [u8; 4], fifo: Apm, }
    Renamed { a: u16, bee: u32, c: [u8; 4], fifo: Smb, }
}

/// Returns the diagnosis of loading `stream` into a device of another layout.
fn diagnosis<T: VmState + Default + Send>(stream: &[u8]) -> String {
    let mut machine = Machine::with_type("board");
    machine.register("dev", T::default()).unwrap();
    let error = machine.load(&mut Pipe(stream)).expect_err("another layout");
    assert_eq!(error.diagnosis(), None, "a pipe could block");
    let options = LoadOptions::new().read_on_after_error();
    let read_on = machine.load_with(&mut Reader::from_read(Pipe(stream)), options).expect_err("another layout");
    let error = machine.load(stream).expect_err("another layout");
    // The misread section may include a part of the description, which a reader without seeking then cannot find.
    assert!(read_on.diagnosis().is_none_or(|found| Some(found) == error.diagnosis()));
    error.diagnosis().unwrap_or_else(|| panic!("no diagnosis: {error}")).to_owned()
}

/// Bytes that arrive one by one, so that no more is buffered than a load needs.
struct Pipe<'s>(&'s [u8]);

impl Read for Pipe<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = into.len().min(1);
        self.0.read(&mut into[..count])
    }
}

#[test]
fn every_kind_of_difference_is_named() {
    for release in RELEASES {
        let mut stream = Vec::new();
        let mut source = Machine::with_type("board");
        source
            .register("dev", Before { a: 0x1111, b: 0x2222_2222, c: [3; 4], fifo: Gpe { sts: 0x3333, en: 0x4444 } })
            .unwrap();
        let options = SaveOptions::new().description(Some(release));
        source.save_with(&mut stream, options).unwrap();
        for (found, expected) in [
            (diagnosis::<More>(&stream), "`dev.new`: the stream has nothing, this device has uint8 of 1 byte: "),
            (
                diagnosis::<Wider>(&stream),
                "`dev.b`: the stream has uint32 of 4 bytes, this device has uint64 of 8 bytes: ",
            ),
            (diagnosis::<Longer>(&stream), "`dev.c`: the stream has 4 x, this device has 6 x: "),
            (
                diagnosis::<Inside>(&stream),
                "`dev.fifo.sts`: the stream has uint16 of 2 bytes, this device has nothing: ",
            ),
            // `bee` is another name for the same bytes.
            (
                diagnosis::<Renamed>(&stream),
                "`dev.fifo.sts`: the stream has uint16 of 2 bytes, this device has nothing: ",
            ),
        ] {
            assert!(found.starts_with(expected), "{release:?}: {found}");
        }
    }
}

#[test]
fn diagnosis_without_footers_uses_the_size() {
    let mut stream = Vec::new();
    let mut source = Machine::with_type("board");
    source
        .register("dev", Before { a: 0x1111, b: 0x2222_2222, c: [3; 4], fifo: Gpe { sts: 0x3333, en: 0x4444 } })
        .unwrap();
    source.save_with(&mut stream, SaveOptions::new().without_footers()).unwrap();
    let mut machine = Machine::with_type("board");
    machine.register("dev", More::default()).unwrap();
    let options = LoadOptions::new().without_footers();
    let error = machine.load_with(&mut Reader::from_slice(&stream), options).unwrap_err();
    assert_eq!(error.location().unwrap().to_string(), "the stream between sections");
    assert!(error.diagnosis().unwrap().starts_with("`dev.new`: the stream has nothing"), "{error}");
}

#[test]
fn every_source_with_description_names_the_field() {
    let mut stream = Vec::new();
    let mut source = Machine::with_type("board");
    // The first byte that the wider device leaves is the last one of this id, which cannot begin anything.
    source.add(Registration::device("dev", Before::default()).section_id(0x40)).unwrap();
    source.save(&mut stream).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&stream).unwrap();
    file.rewind().unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(&stream).unwrap();

    let mut machine = Machine::with_type("board");
    machine.register("dev", Wider::default()).unwrap();
    let errors = [
        machine.load(&stream[..]).unwrap_err(),
        machine.load(&stream).unwrap_err(),
        machine.load(Cursor::new(&stream)).unwrap_err(),
        machine.load(&file).unwrap_err(),
        // All of it has arrived, but the peer keeps the connection open: this must not wait.
        machine.load(&ours).unwrap_err(),
    ];
    for error in errors {
        let report = error.report().to_string();
        assert!(report.contains("\n  because   `dev.b`: the stream has uint32"), "{report}");
    }
}

#[test]
fn sources_that_fail_after_an_error_keep_the_error() {
    let mut stream = Vec::new();
    let mut source = Machine::with_type("board");
    source.add(Registration::device("dev", Before::default()).section_id(0x40)).unwrap();
    source.save(&mut stream).unwrap();
    let mut machine = Machine::with_type("board");
    machine.register("dev", Wider::default()).unwrap();
    let whole = machine.load(&mut Pipe(&stream)).unwrap_err().to_string();
    let options = LoadOptions::new().read_on_after_error();
    let error = machine.load_with(&mut Reader::from_read(Pipe(&stream)), options).unwrap_err();
    assert!(error.diagnosis().is_some_and(|diagnosis| diagnosis.starts_with("`dev.b`")), "{error}");
    for length in stream.len() - 100..stream.len() {
        let options = LoadOptions::new().read_on_after_error();
        let error = machine.load_with(&mut Reader::from_read(Pipe(&stream[..length])), options).unwrap_err();
        assert_eq!((error.to_string(), error.diagnosis()), (whole.clone(), None), "{length}");
    }
}
