//! Devices of older versions, and of newer ones.

use vmstate_examples::devices::i8254::Pit;
use vmstate_examples::devices::mc146818rtc::Rtc;
use vmstate_examples::devices::serial::{IsaSerial, Serial};
use vmstate_tests::qemu::VERSIONS;

use super::*;

#[test]
fn older_versions_load_in_older_qemu() {
    // 11.1 requires version 3 of the clock.
    for version in ["7.2", "10.0"] {
        let stream = saved_by_qemu(version, &PC, |qemu| {
            // The channel for the speaker gets a count; the clock gets something into its memory.
            output(qemu, &[(0x43, 0xb6), (0x42, 0x34), (0x42, 0x12), (0x70, 0x50), (0x71, 0x99)]);
        });
        let (uart, pit, rtc) = (shared(IsaSerial::default()), shared(Pit::default()), shared(Rtc::default()));
        let mut machine = registry_for(&stream);
        machine.register("serial", uart.clone()).unwrap();
        machine.register("i8254", pit.clone()).unwrap();
        machine.register("mc146818rtc", rtc.clone()).unwrap();
        load(&mut machine, &stream);
        assert_eq!((pit.borrow().channels[2].count, rtc.borrow().cmos_data[0x50]), (0x1234, 0x99), "{version}");
        uart.borrow_mut().port.scr = 0x5a;
        pit.borrow_mut().channels[2].count = 0x4321;
        rtc.borrow_mut().cmos_data[0x50] = 0x66;

        let newest = saved(&mut machine, SaveOptions::new().description(None));
        for (versions, shorter) in [
            ([("serial", 2), ("i8254", 2), ("mc146818rtc", 2)], 4 + 5 * 8),
            ([("serial", 3), ("i8254", 3), ("mc146818rtc", 1)], 2 * 4 + 5 * 8),
        ] {
            let older = saved(&mut machine, SaveOptions::new().versions(versions).description(None));
            assert_eq!(newest.len() - older.len(), shorter, "{versions:?}");
            let mut qemu = Qemu::load(version, "x86_64", &PC, &older);
            output(&mut qemu, &[(0x70, 0x50)]);
            assert_eq!((input(&mut qemu, 0x3ff), input(&mut qemu, 0x71)), (0x5a, 0x66), "{version}, {versions:?}");
            pit.borrow_mut().channels[2].count = 0;
            load(&mut machine, &qemu.save());
            assert_eq!(pit.borrow().channels[2].count, 0x4321, "{version}, {versions:?}");
            load(&mut machine, &newest);
        }
    }
}

/// A serial port of a later release of this library.
#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "serial", version = 4, minimum_version = 2)]
struct Later {
    #[vmstate(since = 4, default = 0xee)]
    wakes: u8,
    #[vmstate(name = "state")]
    port: Serial,
}

#[test]
fn newer_device_moves_from_qemu_and_back() {
    for version in VERSIONS {
        let stream = saved_by_qemu(version, &PC, |qemu| output(qemu, &[(0x3ff, 0x5a)]));
        let uart = shared(Later { wakes: 1, ..Later::default() });
        let mut machine = registry_for(&stream);
        machine.register("serial", uart.clone()).unwrap();
        load(&mut machine, &stream);
        assert_eq!((uart.borrow().port.scr, uart.borrow().wakes), (0x5a, 0xee), "{version}");

        uart.borrow_mut().port.scr = 0xa5;
        let newer = saved(&mut machine, SaveOptions::new());
        let refusal = Qemu::refusal(version, "x86_64", &PC, &newer);
        let mut older = registry_for(&newer);
        older.register("serial", IsaSerial::default()).unwrap();
        let error = try_load(&mut older, &newer).unwrap_err();
        let said = error.qemu_message().unwrap_or_else(|| panic!("{version}: {error}"));
        assert!(
            said.contains("version 4 for 'serial' v3") && is_printed(said, &refusal),
            "{version}: {said}\n{refusal}"
        );

        let as_qemu_has_it = saved(&mut machine, SaveOptions::new().version("serial", 3));
        let mut qemu = Qemu::load(version, "x86_64", &PC, &as_qemu_has_it);
        assert_eq!(input(&mut qemu, 0x3ff), 0xa5, "{version}");
    }
}
