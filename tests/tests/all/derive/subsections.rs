//! Subsections of all kinds: on fields, on options, as groups, as types.

use vmstate::description::Absent;
use vmstate::error::LoadErrorKind;
use vmstate::prelude::*;

use super::{hex, load, save};

/// A subsection's header and payload.
fn subsection(name: &str, version: u32, payload: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u8(5);
    writer.counted_str(name);
    writer.u32(version);
    writer.bytes(payload);
    writer.take()
}

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(
    name = "dev",
    subsection("dev/group", version = 2, needed = Self::has_group, absent = default),
    subsection("dev/other", needed = Self::has_group)
)]
struct Device {
    base: u8,
    #[vmstate(subsection("dev/extra", version = 3, minimum_version = 3, needed = Self::has_extra))]
    extra: u16,
    #[vmstate(in = "dev/other")]
    other: u8,
    #[vmstate(subsection("dev/fifo"))]
    fifo: Option<Fifo>,
    #[vmstate(in = "dev/group")]
    first: u8,
    #[vmstate(in = "dev/group", since = 2, default = nine)]
    second: u8,
    #[vmstate(subsection)]
    whole: Option<Whole>,
    #[vmstate(timer, subsection("dev/timer", needed = Self::has_timer))]
    timer: Option<u64>,
    #[vmstate(subsection("dev/maybe timer"), timer)]
    maybe_timer: Option<Option<u64>>,
    #[vmstate(skip = "selects the subsections")]
    sends: &'static str,
}

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "fifo")]
struct Fifo {
    head: u8,
    tail: u8,
}

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "dev/whole", version = 2, needed = Self::is_interesting)]
struct Whole {
    value: u8,
}

impl Whole {
    fn is_interesting(&self) -> bool {
        self.value != 0
    }
}

fn nine() -> u8 {
    9
}

impl Device {
    fn has_extra(&self) -> bool {
        self.sends.contains('e')
    }

    fn has_group(&self, version: u32) -> bool {
        assert!(version == 2 || version == 1, "the subsection's own version");
        self.sends.contains('g')
    }

    fn has_timer(&self) -> bool {
        self.sends.contains('t')
    }
}

fn full() -> Device {
    Device {
        base: 1,
        extra: 0xbeef,
        other: 2,
        fifo: Some(Fifo { head: 3, tail: 4 }),
        first: 5,
        second: 6,
        whole: Some(Whole { value: 7 }),
        timer: None,
        maybe_timer: Some(Some(8)),
        sends: "egt",
    }
}

fn full_bytes() -> Vec<u8> {
    [
        vec![1],
        subsection("dev/extra", 3, &hex("beef")),
        subsection("dev/other", 1, &[2]),
        subsection("dev/fifo", 1, &[3, 4]),
        subsection("dev/group", 2, &[5, 6]),
        subsection("dev/whole", 2, &[7]),
        subsection("dev/timer", 1, &[0xff; 8]),
        subsection("dev/maybe timer", 1, &hex("0000000000000008")),
    ]
    .concat()
}

#[test]
fn needed_subsections_are_sent_in_order() {
    assert_eq!(save(&mut full()), full_bytes());
    let mut loaded = Device { sends: "egt", timer: Some(1), ..Device::default() };
    load(&mut loaded, &full_bytes(), 1).unwrap();
    assert_eq!(loaded, full());
}

#[test]
fn unneeded_subsections_are_not_sent() {
    let mut device = Device { fifo: None, whole: None, maybe_timer: None, sends: "", ..full() };
    assert_eq!(save(&mut device), [1]);
    device.whole = Some(Whole { value: 0 });
    assert_eq!(save(&mut device), [1], "the type's own predicate");
}

#[test]
fn absent_subsection_keeps_or_resets_fields() {
    let mut device = full();
    load(&mut device, &[2], 1).unwrap();
    let kept = Device { base: 2, ..full() };
    assert_eq!(device, Device { fifo: None, first: 0, second: 9, whole: None, maybe_timer: None, ..kept });
}

#[test]
fn subsections_may_come_in_any_order() {
    let bytes = [
        vec![1],
        subsection("dev/group", 1, &[5]),
        subsection("dev/fifo", 1, &[3, 4]),
        subsection("dev/extra", 3, &hex("beef")),
    ];
    let mut device = Device::default();
    load(&mut device, &bytes.concat(), 1).unwrap();
    assert_eq!((device.extra, device.first, device.second), (0xbeef, 5, 9));
    assert_eq!(device.fifo, Some(Fifo { head: 3, tail: 4 }));
}

#[test]
fn present_option_is_loaded_in_place() {
    let mut device = Place { part: Some(Part { kept: 9, value: 1 }) };
    load(&mut device, &subsection("place/part", 1, &[2]), 1).unwrap();
    assert_eq!(device.part, Some(Part { kept: 9, value: 2 }));
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "place")]
struct Place {
    #[vmstate(subsection("place/part"))]
    part: Option<Part>,
}

#[derive(VmState, Debug, Default, PartialEq)]
struct Part {
    #[vmstate(skip = "made by the board")]
    kept: u8,
    value: u8,
}

#[test]
fn other_subsection_versions_are_rejected() {
    let with = |version| [vec![1], subsection("dev/extra", version, &hex("beef"))].concat();
    let error = load(&mut Device::default(), &with(2), 1).unwrap_err();
    let text = "dev/extra: incoming version_id 2 is too old for local minimum version_id 3";
    assert_eq!((error.qemu_message(), error.subsection(), error.offset()), (Some(text), Some("dev/extra"), Some(16)));
    assert!(load(&mut Device::default(), &with(4), 1).is_err());
    // As in QEMU, which reads the version into a byte.
    load(&mut Device::default(), &with(0x103), 1).unwrap();
}

#[test]
fn unknown_subsections_are_rejected() {
    let error = load(&mut Device::default(), &[vec![1], subsection("dev/new", 1, &[])].concat(), 1).unwrap_err();
    assert_eq!(error.qemu_message(), Some("VM subsection 'dev/new' in 'dev' does not exist"));
    assert_eq!((error.kind(), error.offset()), (LoadErrorKind::Subsection, Some(1)));
    let inner = [vec![1], subsection("dev/fifo", 1, &[3, 4]), subsection("dev/fifo/new", 1, &[])].concat();
    let error = load(&mut Device::default(), &inner, 1).unwrap_err();
    assert_eq!(error.qemu_message(), Some("VM subsection 'dev/fifo/new' in 'dev/fifo' does not exist"));
}

#[test]
fn subsection_of_struct_without_any_is_rejected() {
    let bytes = [vec![1, 2], subsection("fifo/new", 1, &[])].concat();
    let error = load(&mut Fifo::default(), &bytes, 1).unwrap_err();
    assert_eq!(error.qemu_message(), Some("VM subsection 'fifo/new' in 'fifo' does not exist"));
    assert_eq!((error.kind(), error.offset()), (LoadErrorKind::Subsection, Some(2)));
}

#[test]
fn other_data_after_the_fields_is_left() {
    let rest: [&[u8]; 6] =
        [&[5], b"\x05\x03dev", b"\x05\x05de/ab", b"\x05\xffdev/", b"\x05\x08other/ab", b"\x06\x07dev/fif"];
    for rest in rest {
        let bytes = [&[1], rest].concat();
        let mut reader = Reader::from_slice(&bytes);
        Device::default().load(&mut reader, 1).unwrap();
        assert_eq!(reader.offset(), 1, "{}", rest.escape_ascii());
    }
}

#[test]
fn truncated_subsection_error_has_offset() {
    let bytes = [vec![1], subsection("dev/fifo", 1, &[3, 4])].concat();
    let error = load(&mut Device::default(), &bytes[..bytes.len() - 1], 1).unwrap_err();
    assert_eq!((error.path().as_str(), error.subsection()), ("dev.fifo.tail", Some("dev/fifo")));
    assert_eq!((error.is_truncated(), error.offset()), (true, Some(16)));
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "strict")]
struct Strict {
    #[vmstate(subsection("strict/must", always, absent = error))]
    must: u8,
    #[vmstate(subsection(absent = keep))]
    keep: Option<StrictKeep>,
    #[vmstate(subsection(always))]
    always: StrictAlways,
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "strict/keep")]
struct StrictKeep {
    value: u8,
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "strict-always")]
struct StrictAlways {
    value: u8,
}

#[test]
fn required_and_optional_subsections() {
    let mut device = Strict { keep: Some(StrictKeep { value: 1 }), ..Strict::default() };
    let error = load(&mut device, &[], 1).unwrap_err();
    assert_eq!((error.expected(), error.found()), ("the subsection \"strict/must\"", "none"));
    assert_eq!(error.kind(), LoadErrorKind::Subsection);
    load(&mut device, &subsection("strict/must", 1, &[3]), 1).unwrap();
    assert_eq!((device.must, device.keep.as_ref().map(|keep| keep.value)), (3, Some(1)));
    let saved =
        [subsection("strict/must", 1, &[3]), subsection("strict/keep", 1, &[1]), subsection("strict-always", 1, &[0])];
    assert_eq!(save(&mut device), saved.concat());
}

#[test]
fn the_description_has_the_subsections() {
    let described: Vec<_> = Device::DESCRIPTION
        .subsections
        .iter()
        .map(|subsection| {
            let description = subsection.description;
            let fields: Vec<_> = description.fields.iter().map(|field| field.name).collect();
            (description.name, description.version, description.conditional, subsection.absent, fields.join(" "))
        })
        .collect();
    assert_eq!(
        described,
        [
            ("dev/extra", 3, true, Absent::Keep, "extra".into()),
            ("dev/other", 1, true, Absent::Keep, "other".into()),
            ("dev/fifo", 1, true, Absent::Default, "fifo".into()),
            ("dev/group", 2, true, Absent::Default, "first second".into()),
            ("dev/whole", 2, true, Absent::Default, "value".into()),
            ("dev/timer", 1, true, Absent::Keep, "timer".into()),
            ("dev/maybe timer", 1, true, Absent::Default, "maybe_timer".into()),
        ]
    );
}

/// QEMU's format does not mark the end of `inner`, but some of its devices have this layout.
#[derive(VmState, Debug, Default)]
#[vmstate(name = "ambiguous")]
struct Ambiguous {
    #[vmstate(ambiguous = "to test the ambiguity")]
    inner: Place,
    next: [u8; 8],
}

#[test]
fn bytes_like_a_subsection_are_read_as_one() {
    let mut device = Ambiguous::default();
    load(&mut device, &[5, 6, b'o', b't', b'h', b'e', b'r', b'/'], 1).unwrap();
    assert_eq!(device.next[0], 5);
    let error = load(&mut device, b"\x05\x06place/", 1).unwrap_err();
    assert_eq!(error.qemu_message(), Some("VM subsection 'place/' in 'place' does not exist"));
}

#[test]
fn described_option_is_sent_if_needed() {
    #[derive(VmState, Default)]
    #[vmstate(name = "outer/own")]
    struct Own {
        value: u8,
    }

    #[derive(VmState, Default)]
    #[vmstate(name = "outer")]
    struct Outer {
        value: u8,
        #[vmstate(subsection)]
        own: Option<Own>,
    }

    assert!(Outer::DESCRIPTION.subsections[0].description.conditional);
    assert!(!Own::DESCRIPTION.conditional);
}
