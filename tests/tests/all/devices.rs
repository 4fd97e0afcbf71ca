//! QEMU's devices as structs: the sections of real streams, loaded and saved again, byte for byte and word for word.

mod dumps;
mod laws;
mod machines;
mod riscv;
mod stellaris;

use std::fmt::Debug;

use vmstate::dynamic::{StreamDecoder, StreamEvent};
use vmstate::laws::Laws;
use vmstate::prelude::*;
use vmstate::schema::vmdesc::{Document, Located, Nested, SentBody, SentStruct, locate};
use vmstate::schema::{DescriptionWriter, Release};
use vmstate::stream::SectionHeader;
use vmstate_examples::devices::e1000::{Compatibility, E1000};
use vmstate_examples::devices::e1000e::E1000e;
use vmstate_examples::devices::i8254::Pit;
use vmstate_examples::devices::mc146818rtc::Rtc;
use vmstate_examples::devices::pci::PciDevice;
use vmstate_examples::devices::pl011::Pl011;
use vmstate_examples::devices::qdev_clock::QdevClock;
use vmstate_examples::devices::serial::{IsaSerial, MemorySerial, Serial};
use vmstate_examples::devices::virtio::{Mmio, Pci, VirtioBlk, VirtioRng};
use vmstate_examples::devices::x86::Cpu;
use vmstate_examples::devices::xhci::Interrupter;
use vmstate_tests::qemu::VERSIONS;
use vmstate_tests::releases::release;
use vmstate_tests::streams;

/// A section of a committed stream.
struct Section {
    stream: String,
    release: Release,
    header: SectionHeader,
    payload: Vec<u8>,
    /// The description in the stream.
    described: SentStruct,
}

#[test]
fn serial() {
    check::<IsaSerial>("serial", &["isapc", "microvm", "pc", "q35"]);
    check::<MemorySerial>("serial", &["virt"]);
}

/// QEMU loads a flag other than zero, and no events follow.
#[test]
fn xhci_never_sends_buffered_events() {
    let mut interrupter = Interrupter { er_full_unused: true, ..Interrupter::default() };
    let mut out = Writer::new();
    interrupter.save(&mut out).unwrap();
    assert_eq!(out.pending().len(), 47);
    Interrupter::default().load(&mut Reader::from_slice(out.pending()), 1).unwrap();
}

#[test]
fn busy_serial_port_sends_its_state() {
    let mut port = Serial { ier: 2, thr_ipending: 1, lsr: 0, tsr_retry: 1, tsr: b'a', ..Serial::default() };
    port.received.data[..2].copy_from_slice(b"\r\n");
    port.received.num = 2;
    (port.fifo_timeout_timer, port.timeout_ipending, port.poll_msl) = (Some(1000), 1, -1);
    let mut out = Writer::new();
    port.save(&mut out).unwrap();
    for (name, sent) in
        [("thr_ipending", true), ("tsr", true), ("recv_fifo", true), ("xmit_fifo", false), ("poll", false)]
    {
        let name = format!("serial/{name}");
        assert_eq!(out.pending().windows(name.len()).any(|bytes| bytes == name.as_bytes()), sent, "{name}");
    }
    let mut loaded = Serial { poll_msl: 1, ..Serial::default() };
    loaded.load(&mut Reader::from_slice(out.pending()), 3).unwrap();
    assert_eq!(loaded, port);

    port.lsr = 0x60;
    out.take();
    port.save(&mut out).unwrap();
    let error = loaded.load(&mut Reader::from_slice(out.pending()), 3).unwrap_err();
    assert_eq!(error.found(), "`lsr` is 0x60 and `tsr_retry` is 1");
}

#[test]
fn i8254() {
    check::<Pit>("i8254", &["isapc", "microvm", "pc", "q35"]);
}

#[test]
fn mc146818rtc() {
    check::<Rtc>("mc146818rtc", &["isapc", "microvm", "pc", "q35"]);
}

#[test]
fn pl011() {
    round_trip_of(&section("10.0", "lm3s811evb", "pl011"), Pl011::default);
    // `readbuff` of 7.2 is unused in 10.0, with the same bytes.
    for version in VERSIONS {
        let stream = streams::named(&format!("qemu-{version}-lm3s811evb")).bytes;
        let laws = Laws::new(|_| Pl011::default()).differs("unused", "`readbuff` in QEMU 7.2");
        laws.matches_stream(&stream, "pl011");
    }
    // Since 10.0 the port hears itself; 7.2 cannot do that.
    for (version, heard) in [("7.2", &b""[..]), ("10.0", b"vmstate"), ("11.1", b"vmstate")] {
        let mut port = Pl011::default();
        port.load(&mut Reader::from_slice(&section(version, "lm3s811evb", "pl011").payload), 2).unwrap();
        assert!(port.received().eq(heard.iter().map(|&letter| u32::from(letter))), "{version}: {port:?}");
        let set_up = (port.ibrd, port.fbrd, port.lcr, port.ifl, port.int_enabled, port.cr);
        assert_eq!(set_up, (26, 3, 0x70, 0x0d, 0x50, 0x381), "{version}");
    }
}

#[test]
fn invalid_ring_is_rejected() {
    let mut payload = section("10.0", "lm3s811evb", "pl011").payload;
    let read_pos = payload.windows(11).position(|bytes| bytes == b"\x05\x0bpl011/clo").unwrap() - 12;
    payload[read_pos + 3] = 16;
    let error = Pl011::default().load(&mut Reader::from_slice(&payload), 2).unwrap_err();
    assert_eq!(error.found(), "`read_pos` is 16");
    payload[read_pos + 3] = 15;
    payload[read_pos + 7] = 17;
    let error = Pl011::default().load(&mut Reader::from_slice(&payload), 2).unwrap_err();
    assert_eq!(error.found(), "`read_count` is 17");
}

#[test]
fn character_without_fifo_moves_to_the_front() {
    let mut port = Pl011 { read_pos: 9, read_count: 1, ibrd: 0x1_0002, fbrd: 0x41, ..Pl011::default() };
    port.read_fifo[9] = 0x41;
    let mut out = Writer::new();
    port.save(&mut out).unwrap();
    let mut loaded = Pl011::default();
    loaded.load(&mut Reader::from_slice(out.pending()), 2).unwrap();
    assert_eq!((loaded.read_pos, loaded.read_fifo[0], loaded.ibrd, loaded.fbrd), (0, 0x41, 2, 1));
}

#[test]
fn scaling_clock_sends_its_subsection() {
    let mut clock = QdevClock { period: 1 << 32, multiplier: 1, divider: 3 };
    let mut out = Writer::new();
    clock.save(&mut out).unwrap();
    assert_eq!(out.pending()[8..], *b"\x05\x0cclock/muldiv\0\0\0\x01\0\0\0\x01\0\0\0\x03");
    clock.load(&mut Reader::from_slice(&[0; 8]), 0).unwrap();
    assert_eq!(clock, QdevClock { period: 0, multiplier: 1, divider: 1 });
}

#[test]
fn e1000() {
    check::<E1000>("0000:00:03.0/e1000", &["pc"]);
}

#[test]
fn card_of_old_machine_type_sends_less() {
    let compatibility = Compatibility { mitigation: false, all_registers: false, tso: false };
    let mut card = E1000 { compatibility, ..E1000::default() };
    let payload = section("10.0", "pc", "0000:00:03.0/e1000").payload;
    card.load(&mut Reader::from_slice(&payload), 2).unwrap();
    let mut out = Writer::new();
    card.save(&mut out).unwrap();
    assert!(payload.starts_with(out.pending()));
    let rest = &payload[out.pending().len()..];
    assert!(rest.starts_with(b"\x05\x0fe1000/mit_state"), "{:?}", &rest[..20]);
}

#[test]
fn pci_devices_begin_alike() {
    for version in VERSIONS {
        let conventional = section(version, "pc", "0000:00:03.0/e1000");
        round_trip_of(&beginning(conventional, 4 + 256 + 16), PciDevice::default);
        let express = section(version, "q35", "0000:00:02.0/e1000e");
        round_trip_of(&beginning(express, 4 + 4096 + 16), PciDevice::express);
    }
}

#[test]
fn other_pci_devices_are_rejected() {
    for version in VERSIONS {
        let mut payload = section(version, "pc", "0000:00:03.0/e1000").payload;
        payload[4] ^= 1;
        let error = E1000::default().load(&mut Reader::from_slice(&payload), 2).unwrap_err();
        assert_eq!(error.expected(), "0x86 in the bits 0xff of the configuration space at 0x0", "{version}");
    }
}

#[test]
fn fpu_registers_of_64_bits_are_rejected() {
    let mut old = Cpu { fpregs_format: 1, ..Cpu::default() };
    let mut out = Writer::new();
    old.save(&mut out).unwrap();
    let error = Cpu::default().load(&mut Reader::from_slice(out.pending()), 12).unwrap_err();
    assert_eq!((error.expected(), error.found()), ("FPU registers of 80 bits, format 0", "1"));
}

/// QEMU does this for old versions of KVM, and so does the struct.
#[test]
fn segments_of_real_mode_have_no_privilege() {
    for (cr0, code, expected) in [(0, 3 << 13, 0x9b), (0, 0, 0x609b), (1, 3 << 13, 0x609b)] {
        let mut cpu = Cpu { cr0, ..Cpu::default() };
        cpu.segments[1].flags = 0x9b | code;
        cpu.segments[3].flags = 0x609b;
        let mut out = Writer::new();
        cpu.save(&mut out).unwrap();
        let mut loaded = Cpu::default();
        loaded.load(&mut Reader::from_slice(out.pending()), 12).unwrap();
        assert_eq!(loaded.segments[3].flags, expected, "{cr0} {code:#x}");
    }
}

#[test]
fn privilege_level_follows_the_stack_segment() {
    let mut cpu = Cpu { cr0: 1, hflags: 0xa5, ..Cpu::default() };
    cpu.segments[2].flags = 3 << 13;
    let mut out = Writer::new();
    cpu.save(&mut out).unwrap();
    let mut loaded = Cpu::default();
    loaded.load(&mut Reader::from_slice(out.pending()), 12).unwrap();
    assert_eq!(loaded.hflags, 0xa7);
}

/// QEMU's identity of the board that carries the network card is a property of the device.
#[test]
fn other_subsystem_is_rejected() {
    let mut out = Writer::new();
    E1000e { subsys: 1, ..E1000e::default() }.save(&mut out).unwrap();
    let error = E1000e::default().load(&mut Reader::from_slice(out.pending()), 1).unwrap_err();
    assert_eq!((error.expected(), error.found()), ("subsystem 8086:0000", "subsystem 8086:0001"));
}

/// The first field of a section, which is a struct of `size` bytes, as if it were a section.
fn beginning(mut section: Section, size: usize) -> Section {
    section.payload.truncate(size);
    let Nested::Struct(first) = section.described.fields.swap_remove(0).nested else { panic!("no struct") };
    section.header.version = first.version;
    Section { described: first, ..section }
}

#[test]
fn pin_is_raised_or_not() {
    let mut payload = section("10.0", "pc", "0000:00:03.0/e1000").payload;
    payload[4 + 256 + 7] = 2;
    let error = E1000::default().load(&mut Reader::from_slice(&payload), 2).unwrap_err();
    assert_eq!((error.path().as_str(), error.found()), ("e1000.parent_obj.irq_state[1]", "2"));
}

#[test]
fn virtio() {
    check::<VirtioBlk<Mmio>>("virtio-mmio@0000000010008000/virtio-blk", &["virt"]);
    check::<VirtioBlk<Pci<true>>>("0000:00:03.0:00.0/virtio-blk", &["q35"]);
    check::<VirtioRng<Pci<false>>>("0000:00:01.0/virtio-rng", &["virt"]);
}

#[test]
fn disk_used_by_the_firmware_loads() {
    for version in VERSIONS {
        let section = section(version, "q35", "0000:00:03.0:00.0/virtio-blk");
        let mut disk = VirtioBlk::<Pci<true>>::default();
        disk.load(&mut Reader::from_slice(&section.payload), 2).unwrap();
        let virtio = &disk.virtio;
        assert_eq!((virtio.status, virtio.started, virtio.queues.len()), (0x0f, true, 1), "{version}");
        assert_eq!(virtio.all_guest_features.unwrap() >> 32, 1, "version 1 of virtio");
        let modern = virtio.extra_state.modern.as_ref().unwrap();
        let addresses = (u64::from(modern.vqs[0].avail[0]), u64::from(modern.vqs[0].used[0]));
        assert_eq!((virtio.rings[0].avail, virtio.rings[0].used), addresses, "{version}");
        assert_ne!(addresses, (0, 0));

        let cut = VirtioBlk::<Pci<true>>::default().load(&mut Reader::from_slice(&section.payload[..0x1040]), 2);
        let error = cut.unwrap_err();
        assert_eq!(error.path(), "virtio-blk.virtio.config_len");
    }
}

/// Loads the section `name` of all releases' streams of `machines` into a `T`, and saves it.
fn check<T: VmState + Default + Debug + PartialEq + 'static>(name: &str, machines: &[&str]) {
    for version in VERSIONS {
        for machine in machines {
            round_trip_of(&section(version, machine, name), T::default);
            let stream = streams::named(&format!("qemu-{version}-{machine}")).bytes;
            Laws::<T>::default().matches_stream(&stream, name);
        }
    }
}

fn round_trip_of<T: VmState + Debug + PartialEq>(section: &Section, fresh: impl Fn() -> T) {
    let (stream, payload) = (&section.stream, &section.payload[..]);
    let mut reader = Reader::from_slice(payload);
    let mut device = fresh();
    device.load(&mut reader, section.header.version).unwrap_or_else(|error| panic!("{stream}: {error}"));
    assert!(reader.at_end().unwrap(), "{stream}: {} of {} bytes were read", reader.offset(), payload.len());

    let mut out = Writer::new();
    let text = describe(section, &mut device, &mut out);
    let differs = payload.iter().zip(out.pending()).position(|(theirs, ours)| theirs != ours);
    assert_eq!((differs, out.offset()), (None, payload.len() as u64), "{stream}");
    let document = Document::parse(text.as_bytes(), 0).unwrap();
    assert_eq!(state(&document.devices[0].body).to_text(), section.described.to_text(), "{stream}");

    let mut again = fresh();
    again.load(&mut Reader::from_slice(out.pending()), section.header.version).unwrap();
    assert_eq!(again, device, "{stream}");
    truncate(section, fresh);
}

/// Saves `device` with its description.
fn describe<T: VmState>(section: &Section, device: &mut T, out: &mut Writer) -> String {
    let mut description = DescriptionWriter::new(section.release, 4096, None);
    let SectionHeader { name, instance_id, version, .. } = &section.header;
    description.section_at(*version, name, *instance_id, device, out).unwrap();
    description.finish()
}

/// Each truncated payload is rejected with its field, or lacks only subsections.
fn truncate<T: VmState>(section: &Section, fresh: impl Fn() -> T) {
    let Section { stream, payload, .. } = section;
    for length in (0..payload.len()).rev().step_by(payload.len() / 500 + 1) {
        let mut reader = Reader::from_slice(&payload[..length]);
        let Err(error) = fresh().load(&mut reader, section.header.version) else {
            // As in QEMU, a subsection with a truncated name is not a subsection, and its bytes stay unread.
            let end = usize::try_from(reader.offset()).unwrap();
            assert_eq!(payload[end], 5, "{stream}: no subsection begins at {end} of {length}");
            continue;
        };
        assert!(error.is_truncated(), "{stream}: {length}: {error}");
        let named = error.path().contains('.') || error.subsection().is_some();
        assert!(named, "{stream}: {length}: no field in {error}");
    }
}

/// The section `name` of a committed stream.
fn section(version: &str, machine: &str, name: &str) -> Section {
    let stream = streams::named(&format!("qemu-{version}-{machine}"));
    let Located::At(text) = locate(&stream.bytes) else { panic!("{}: no description", stream.name) };
    let document = Document::parse(&stream.bytes[text..], text as u64).unwrap();
    let mut reader = Reader::from_slice(&stream.bytes);
    let mut walk = StreamDecoder::new(&mut reader, Some(document.clone())).unwrap();
    loop {
        let event = walk.next_event().unwrap().unwrap_or_else(|| panic!("{}: no section {name}", stream.name));
        let StreamEvent::Section { header, section, device: Some(device) } = event else { continue };
        if header.name == name {
            let start = usize::try_from(section.offset).unwrap();
            let payload = stream.bytes[start..][..usize::try_from(section.size()).unwrap()].to_vec();
            let described = state(&document.devices[device].body).clone();
            return Section { stream: stream.name, release: release(version), header, payload, described };
        }
    }
}

fn state(body: &SentBody) -> &SentStruct {
    let SentBody::State(state) = body else { panic!("not described") };
    state
}
