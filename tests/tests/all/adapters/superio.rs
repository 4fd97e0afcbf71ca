//! A serial port and a clock of `vm-superio`.

use proptest::collection::vec;
use proptest::prelude::*;
use vm_superio::{RtcState, SerialState};
use vmstate::adapters::vm_superio::{self as superio, QemuPl031, QemuSerial};
use vmstate::prelude::*;
use vmstate_examples::devices::serial;

#[derive(VmState, Default)]
#[vmstate(name = "as it is")]
struct Plain {
    #[vmstate(with = superio::Serial)]
    serial: SerialState,
    #[vmstate(with = superio::Rtc)]
    rtc: RtcState,
}

vmstate::laws!(plain: Plain);

/// QEMU's memory-mapped port.
#[derive(VmState, Default)]
#[vmstate(name = "serial", version = 3, minimum_version = 2)]
struct Port {
    #[vmstate(with = QemuSerial)]
    serial: SerialState,
}

fn saved(device: &mut impl VmState) -> Vec<u8> {
    let mut writer = Writer::new();
    device.save(&mut writer).unwrap();
    writer.take()
}

fn loaded<D: VmState + Default>(bytes: &[u8]) -> Result<D, LoadError> {
    let (mut device, mut reader) = (D::default(), Reader::from_slice(bytes));
    device.load(&mut reader, D::DESCRIPTION.version)?;
    assert!(reader.at_end().unwrap());
    Ok(device)
}

#[test]
fn description_equals_qemus() {
    // The example's is compared with real streams, word for word.
    let [ours, theirs] = [QemuSerial::DESCRIPTION, serial::Serial::DESCRIPTION];
    let fields = |of: &'static vmstate::Description| -> Vec<_> {
        of.fields.iter().map(|field| (field.name, field.form.total_size(), field.since)).collect()
    };
    assert_eq!((ours.name, ours.version, ours.minimum_version), (theirs.name, theirs.version, theirs.minimum_version));
    assert_eq!(fields(ours), fields(theirs));
    let subsections = |of: &'static vmstate::Description| -> Vec<_> {
        of.subsections.iter().map(|own| (own.description.name, fields(own.description))).collect()
    };
    assert_eq!(subsections(ours), subsections(theirs));
}

#[test]
fn serial_port_has_qemus_bytes() {
    let state = SerialState {
        baud_divisor_low: 1,
        interrupt_enable: 3,
        interrupt_identification: 6,
        line_status: 0x61,
        scratch: 0x5a,
        in_buffer: b"hi".to_vec(),
        ..SerialState::default()
    };
    let bytes = saved(&mut Port { serial: state.clone() });
    let expected = b"\0\x01\0\x03\xc4\x03\x08\x61\xb0\x5a\x01\
        \x05\x13serial/thr_ipending\0\0\0\x01\0\0\0\x01\
        \x05\x10serial/recv_fifo\0\0\0\x01hi\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02";
    assert_eq!(bytes.escape_ascii().to_string(), expected.escape_ascii().to_string());
    assert_eq!(loaded::<Port>(&bytes).unwrap().serial, state);
    let theirs = loaded::<serial::Serial>(&bytes).unwrap();
    assert_eq!((theirs.divider, theirs.thr_ipending, theirs.received.num), (1, 1, 2));
}

#[test]
fn port_without_fifos_has_its_byte_in_a_register() {
    let theirs = serial::Serial { rbr: b'x', lsr: 0x61, ier: 1, iir: 4, ..Default::default() };
    let state = loaded::<Port>(&saved(&mut theirs.clone())).unwrap().serial;
    assert_eq!((&*state.in_buffer, state.interrupt_identification), (&b"x"[..], 4));
    let read = serial::Serial { lsr: 0x60, ..theirs };
    let state = loaded::<Port>(&saved(&mut read.clone())).unwrap().serial;
    assert_eq!((&*state.in_buffer, state.interrupt_identification), (&b""[..], 1));
}

#[test]
fn unrepresentable_port_state_is_rejected() {
    let mut many = Port { serial: SerialState { in_buffer: vec![0; 17], ..Default::default() } };
    let error = many.save(&mut Writer::new()).unwrap_err();
    assert_eq!(error.reason(), "17 received bytes exceed QEMU's FIFO of 16 bytes");
    assert_eq!(error.path(), "serial.serial");

    let mut sending = serial::Serial { lsr: 0, tsr_retry: 2, tsr: b'a', ..Default::default() };
    let error = loaded::<Port>(&saved(&mut sending)).err().unwrap();
    assert_eq!(error.found(), "`tsr_retry` is 2 and 0 bytes are in `xmit_fifo`");
    assert_eq!((error.path().as_str(), error.offset()), ("serial.serial", Some(0)));

    let fifo = serial::Fifo8 { num: 17, ..Default::default() };
    let mut full = serial::Serial { fcr: 1, received: fifo, ..Default::default() };
    let error = loaded::<Port>(&saved(&mut full)).err().unwrap();
    assert_eq!((error.path().as_str(), error.found()), ("serial.serial.recv_fifo", "17 bytes at 0"));
}

proptest! {
    #[test]
    fn port_round_trips_through_qemus_format(
        [divisor_low, divisor_high, enable, line_control, modem_control, modem_status, scratch] in any::<[u8; 7]>(),
        in_buffer in vec(any::<u8>(), 0..=16),
        transmitter: bool,
    ) {
        // In `vm-superio`, a pending interrupt is enabled and has a cause.
        let data = if in_buffer.is_empty() { 0 } else { enable & 1 } << 2;
        let pending = data | if transmitter { enable & 2 } else { 0 };
        let state = SerialState {
            baud_divisor_low: divisor_low,
            baud_divisor_high: divisor_high,
            interrupt_enable: enable & 0x0f,
            interrupt_identification: if pending == 0 { 1 } else { pending },
            line_control,
            line_status: 0x60 | u8::from(!in_buffer.is_empty()),
            modem_control,
            modem_status,
            scratch,
            in_buffer,
        };
        let bytes = saved(&mut Port { serial: state.clone() });
        let mut theirs = loaded::<serial::Serial>(&bytes).unwrap();
        prop_assert_eq!(saved(&mut theirs), bytes.clone());
        prop_assert_eq!(loaded::<Port>(&bytes).unwrap().serial, state);
    }
}

/// The section `pl031` of QEMU 10.0's machine `virt` of AArch64, after its start.
const PL031: &[u8] = b"\x6b\x01\x24\x78\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \x05\x11pl031/tick-offset\0\0\0\x01\0\0\0\0";

/// A clock as a member.
#[derive(VmState, Default)]
#[vmstate(name = "clock")]
struct Clock {
    #[vmstate(with = QemuPl031)]
    rtc: RtcState,
}

#[test]
fn clock_has_qemus_bytes() {
    let theirs = loaded::<QemuPl031>(PL031).unwrap();
    assert_eq!(theirs.state().unwrap(), RtcState::default());
    assert_eq!(saved(&mut theirs.clone()), PL031);
    assert_eq!(loaded::<Clock>(PL031).unwrap().rtc, RtcState::default());

    let state = RtcState { lr: 1, offset: -2, mr: 3, imsc: 1, ris: 0 };
    let bytes = saved(&mut Clock { rtc: state });
    let expected = b"\xff\xff\xff\xfe\0\0\0\x03\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\
        \x05\x11pl031/tick-offset\0\0\0\x01\xff\xff\xff\xfe";
    assert_eq!(bytes.escape_ascii().to_string(), expected.escape_ascii().to_string());
}

#[test]
fn clock_shows_the_time_that_it_showed() {
    let show = |rtc: &mut vm_superio::Rtc<_>| {
        let mut bytes = [0; 4];
        rtc.read(0, &mut bytes);
        i64::from(u32::from_le_bytes(bytes))
    };
    // Set to 1970, to the present and to the latest time. The present will exceed 2^31 seconds one day.
    for time in [0, 1_800_000_000, u32::MAX - 1000] {
        let mut rtc = vm_superio::Rtc::new();
        rtc.write(8, &time.to_le_bytes());
        let state = loaded::<Clock>(&saved(&mut Clock { rtc: rtc.state() })).unwrap().rtc;
        assert_eq!(state, rtc.state());
        let mut other = vm_superio::Rtc::from_state(&state, vm_superio::rtc_pl031::NoEvents);
        assert!((show(&mut rtc) - show(&mut other)).abs() <= 1);
        assert!((show(&mut other) - i64::from(time)).abs() <= 1);
    }
}

#[test]
fn old_clock_counts_differently() {
    let error = loaded::<QemuPl031>(&PL031[..24]).err().unwrap();
    assert_eq!(error.path(), "pl031");
    assert!(error.expected().contains("pl031/tick-offset"), "{error}");
}
