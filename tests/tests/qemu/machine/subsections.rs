//! Present and absent subsections, in both directions.

use vmstate_examples::devices::e1000::{Compatibility, E1000};
use vmstate_examples::devices::mc146818rtc::Rtc;
use vmstate_examples::devices::serial::IsaSerial;
use vmstate_tests::qemu::VERSIONS;

use super::names::{WAKE_UP, map};
use super::*;

/// Returns whether `stream` contains a subsection of this name: marker, length and name.
fn has(stream: &[u8], name: &str) -> bool {
    let header = [&[5, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
    stream.windows(header.len()).any(|bytes| bytes == header)
}

const FIFO: &str = "serial/recv_fifo";
/// Registers of the serial port.
const DATA: u16 = 0x3f8;
const FIFO_CONTROL: u16 = 0x3fa;
const MODEM_CONTROL: u16 = 0x3fc;

#[test]
fn fifo_is_sent_unless_empty() {
    for version in VERSIONS {
        // In loopback mode, the port receives its output.
        let full = saved_by_qemu(version, &PC, |qemu| {
            output(qemu, &[(FIFO_CONTROL, 1), (MODEM_CONTROL, 0x10), (DATA, b'A'), (DATA, b'B')]);
        });
        let empty = saved_by_qemu(version, &PC, |qemu| output(qemu, &[(FIFO_CONTROL, 1), (MODEM_CONTROL, 0x10)]));
        assert_eq!((has(&full, FIFO), has(&empty, FIFO)), (true, false), "{version}");
        let uart = shared(IsaSerial::default());
        let mut machine = registry_for(&full);
        machine.register("serial", uart.clone()).unwrap();

        // It comes, and goes out with one byte less.
        load(&mut machine, &full);
        let fifo = uart.borrow().port.received.clone();
        let (head, num) = (usize::try_from(fifo.head).unwrap(), fifo.num);
        assert_eq!((num, &fifo.data[head..head + 2]), (2, &b"AB"[..]), "{version}");
        uart.borrow_mut().port.received.num = 1;
        let mut qemu = started(version, &PC, &mut machine);
        assert_eq!([DATA; 2].map(|port| input(&mut qemu, port)), [b'A', 0], "{version}");

        // It comes, and does not go out.
        uart.borrow_mut().port.received.num = 0;
        assert!(!has(&saved(&mut machine, SaveOptions::new()), FIFO));
        let mut qemu = started(version, &PC, &mut machine);
        assert_eq!(input(&mut qemu, DATA), 0, "{version}");

        // It does not come, and goes out.
        load(&mut machine, &empty);
        {
            let fifo = &mut uart.borrow_mut().port.received;
            assert_eq!(fifo.num, 0, "{version}");
            (fifo.data[0], fifo.head, fifo.num) = (b'C', 0, 1);
        }
        let mut qemu = started(version, &PC, &mut machine);
        assert_eq!([DATA; 2].map(|port| input(&mut qemu, port)), [b'C', 0], "{version}");
    }
}

#[test]
fn clock_counter_is_sent_unless_zero() {
    const NAME: &str = "mc146818rtc/irq_reinject_on_ack_count";
    for version in VERSIONS {
        let stream = saved_by_qemu(version, &PC, |_| {});
        assert!(!has(&stream, NAME), "{version}");
        let rtc = shared(Rtc { irq_reinject_on_ack_count: 9, ..Rtc::default() });
        let mut machine = registry_for(&stream);
        machine.register("mc146818rtc", rtc.clone()).unwrap();
        for count in [3, 0] {
            load(&mut machine, &stream);
            rtc.borrow_mut().irq_reinject_on_ack_count = count;
            // The guest cannot see it; QEMU's next stream has it.
            let next = started(version, &PC, &mut machine).save();
            assert_eq!(has(&next, NAME), count != 0, "{version}");
            rtc.borrow_mut().irq_reinject_on_ack_count = 0;
            load(&mut machine, &next);
            assert_eq!(rtc.borrow().irq_reinject_on_ack_count, count, "{version}");
        }
    }
}

/// The address of the card's registers.
const REGISTERS: u32 = 0xfeb0_0000;

#[test]
fn card_sends_subsections_of_its_machine_type() {
    let args = [&PC[..], &["-device", "e1000,addr=3"]].concat();
    for version in VERSIONS {
        let stream = saved_by_qemu(version, &args, |_| {});
        let card = shared(E1000::default());
        let mut machine = registry_for(&stream);
        machine.register("0000:00:03.0/e1000", card.clone()).unwrap();
        load(&mut machine, &stream);
        map(&mut card.borrow_mut(), REGISTERS);
        card.borrow_mut().mac_reg[WAKE_UP as usize / 4] = 0x1234;
        card.borrow_mut().tso_props.mss = 0x5678;
        card.borrow_mut().mig_props_mss = 0x9abc;
        for (all_registers, tso) in [(true, true), (false, true), (true, false), (false, false)] {
            card.borrow_mut().compatibility = Compatibility { mitigation: true, all_registers, tso };
            let ours = saved(&mut machine, SaveOptions::new());
            assert_eq!((has(&ours, "e1000/full_mac_state"), has(&ours, "e1000/tx_tso_state")), (all_registers, tso));
            let mut qemu = Qemu::load(version, "x86_64", &args, &ours);
            let expected = if all_registers { 0x1234 } else { 0 };
            if version != "11.1" {
                // The monitor of 11.1 does not read registers of devices.
                assert_eq!(memory(&mut qemu, u64::from(REGISTERS + WAKE_UP)), expected, "{version}");
            }
            // Without a subsection for it, QEMU takes the kind of offload that the section itself has for both.
            let next = shared(E1000::default());
            let mut after = registry_for(&stream);
            after.register("0000:00:03.0/e1000", next.clone()).unwrap();
            load(&mut after, &qemu.save());
            assert_eq!(next.borrow().mac_reg[WAKE_UP as usize / 4], expected, "{version}");
            assert_eq!(next.borrow().tso_props.mss, if tso { 0x5678 } else { 0x9abc }, "{version}");
        }
    }
}

#[test]
fn unknown_subsection_is_rejected_as_in_qemu() {
    /// A port as a future QEMU may have it.
    #[derive(VmState, Default)]
    #[vmstate(name = "serial", version = 3)]
    struct Port {
        state: Inner,
    }

    #[derive(VmState, Default)]
    #[vmstate(name = "serial", version = 3)]
    struct Inner {
        divider: u16,
        registers: [u8; 9],
        #[vmstate(subsection("serial/future"))]
        future: Option<u32>,
    }

    for version in VERSIONS {
        let stream = saved_by_qemu(version, &PC, |_| {});
        let port = shared(Port::default());
        let mut machine = registry_for(&stream);
        machine.register("serial", port.clone()).unwrap();
        load(&mut machine, &stream);
        port.borrow_mut().state.future = Some(1);
        let future = saved(&mut machine, SaveOptions::new());

        let refusal = Qemu::refusal(version, "x86_64", &PC, &future);
        let mut machine = registry_for(&future);
        machine.register("serial", IsaSerial::default()).unwrap();
        let error = try_load(&mut machine, &future).unwrap_err();
        // Only later releases of QEMU print the name of the subsection, in this message.
        assert_eq!(error.qemu_message(), Some("VM subsection 'serial/future' in 'serial' does not exist"), "{version}");
        let reason = if version == "11.1" { error.qemu_message().unwrap() } else { "Failed to load serial:state" };
        assert!(refusal.contains(reason), "{version}: {refusal}");
    }
}
