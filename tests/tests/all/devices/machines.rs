//! Machines of derived structs load whole streams of QEMU and save them again, the same to the last byte.

use vmstate::schema::Release;
use vmstate::stream::SectionKind;
use vmstate_examples::machines::isapc::IsaPc;
use vmstate_examples::machines::microvm::MicroVm;
use vmstate_examples::machines::pc::Pc;
use vmstate_examples::machines::q35::Q35;
use vmstate_examples::machines::spike::Spike;
use vmstate_examples::machines::virt::Virt;
use vmstate_examples::machines::{Board, assemble};
use vmstate_tests::frame::{Frame, split};
use vmstate_tests::releases::RELEASES;
use vmstate_tests::streams;

/// The number of truncations after the memory.
const CUTS: usize = 5;

#[test]
fn spike() {
    check_all::<Spike>("spike");
}

#[test]
fn virt() {
    check_all::<Virt>("virt");
}

#[test]
fn microvm() {
    check_all::<MicroVm>("microvm");
}

#[test]
fn pc() {
    check_all::<Pc>("pc");
}

#[test]
fn q35() {
    check_all::<Q35>("q35");
}

#[test]
fn isapc() {
    for release in [Release::Qemu10_0, Release::Qemu11_1] {
        check::<IsaPc>(release, &stream(release, "isapc"));
    }
    check::<IsaPc>(Release::Qemu7_2, &number_disk_controllers(stream(Release::Qemu7_2, "isapc")));
}

#[test]
fn duplicate_section_of_qemu_is_rejected() {
    let stream = stream(Release::Qemu7_2, "isapc");
    let mut machine = IsaPc::new(Release::Qemu7_2);
    let error = assemble(&mut machine, &[]).unwrap().load(&stream[..]).unwrap_err();
    assert!(error.to_string().contains("isa-ide"), "{error}");
}

fn stream(release: Release, machine: &str) -> Vec<u8> {
    streams::named(&format!("qemu-{release}-{machine}")).bytes
}

/// Renames the second of two equal names of QEMU 7.2's `isapc` as in later releases.
fn number_disk_controllers(mut stream: Vec<u8>) -> Vec<u8> {
    let last = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).rposition(|window| window == what).unwrap();
    let header = last(&stream, b"\x07isa-ide\0\0\0\0") + b"\x07isa-ide\0\0\0".len();
    stream[header] = 1;
    let described = last(&stream, b"\"isa-ide\", \"instance_id\": 0") + b"\"isa-ide\", \"instance_id\": ".len();
    stream[described] = b'1';
    stream
}

fn check_all<M: Board>(name: &str) {
    for release in RELEASES {
        check::<M>(release, &stream(release, name));
    }
}

/// Loads a machine's stream, and saves it.
fn check<M: Board>(release: Release, stream: &[u8]) {
    let frame = Frame::of(stream, release);
    let mut machine = M::new(release);
    let loaded = assemble(&mut machine, &frame.headers).unwrap().load(stream);
    let loaded = loaded.unwrap_or_else(|error| panic!("{}: {error}", frame.configuration.machine));
    assert_eq!(loaded.sections, frame.sections);
    // Compare the description before its length, which reveals little.
    let saved = frame.save(&mut machine);
    let ((theirs, their_text), (ours, our_text)) = (split(stream), split(&saved));
    assert_same(their_text, our_text);
    assert_same(theirs, ours);
    refuse_cut_streams(&mut machine, &frame, stream);
}

/// No cut stream loads, and none changes the machine.
fn refuse_cut_streams(machine: &mut impl Board, frame: &Frame, stream: &[u8]) {
    let begin = frame.headers.iter().find(|header| header.kind == SectionKind::Full).unwrap().offset;
    let (begin, end) = (usize::try_from(begin).unwrap(), split(stream).0.len() - b"\0\x06lgth".len());
    for length in (begin..end).step_by((end - begin) / CUTS) {
        let error = assemble(machine, &frame.headers).unwrap().load(&stream[..length]).unwrap_err();
        // A truncated name of a subsection is not a subsection, so that the footer is missing.
        assert!(error.is_truncated() || error.found() == "0x05", "{length}: {error}");
        assert!(error.offset().unwrap() <= length as u64, "{length}: {error}");
    }
    assert_same(stream, &frame.save(machine));
}

/// Fails with the bytes around the first difference.
fn assert_same(theirs: &[u8], ours: &[u8]) {
    let differs = theirs.iter().zip(ours).position(|(theirs, ours)| theirs != ours);
    let near = |at: usize| {
        [theirs, ours].map(|bytes| bytes[at.saturating_sub(150)..bytes.len().min(at + 100)].escape_ascii().to_string())
    };
    assert_eq!((differs, ours.len()), (None, theirs.len()), "{:#?}", differs.map(near));
}
