//! The Arduino Uno of the examples in real QEMUs.

use std::time::{Duration, Instant};

use serde_json::json;
use vmstate_examples::uno::Uno;
use vmstate_tests::qemu::{Qemu, VERSIONS_WITH_UNO};
use vmstate_tests::streams;

/// Has QEMU load the stream that `change` makes of the committed one.
fn load_in_qemu(version: &str, change: impl FnOnce(&mut Uno)) -> Qemu {
    let (mut uno, release) = Uno::load(&streams::named(&format!("qemu-{version}-uno")).bytes).unwrap();
    change(&mut uno);
    Qemu::load(version, "avr", &["-M", "uno"], &uno.save(release).unwrap())
}

#[test]
fn qemu_loads_unchanged_uno() {
    for version in VERSIONS_WITH_UNO {
        let mut qemu = load_in_qemu(version, |_| {});
        assert_eq!(qemu.status(), "paused");
        let registers = qemu.monitor("info registers");
        for expected in ["PC:    000020", "SP:      08f3", "Y:       08ff", "[ I - - - - N Z - ]", "R[24]:  90"] {
            assert!(registers.contains(expected), "{version}: no `{expected}` in\n{registers}");
        }
    }
}

#[test]
fn qemu_sees_changed_uno() {
    for version in VERSIONS_WITH_UNO {
        let mut qemu = load_in_qemu(version, |uno| {
            uno.cpu.pc = 0x123;
            uno.cpu.r[24] = 42;
            uno.cpu.flags.t = true;
            uno.ram[1].bytes()[0x100..0x104].copy_from_slice(b"\xde\xad\xbe\xef");
        });
        let registers = qemu.monitor("info registers");
        for expected in ["PC:    000246", "[ I T - - - N Z - ]", "R[24]:  2a"] {
            assert!(registers.contains(expected), "{version}: no `{expected}` in\n{registers}");
        }
        // The AVR's data memory begins there in QEMU; the first 256 bytes of it are registers, and not in the block.
        let memory = qemu.monitor("xp /4xb 0x800200");
        assert!(memory.contains("0xde 0xad 0xbe 0xef"), "{version}: {memory}");
    }
}

#[test]
fn qemu_runs_on_from_our_stream() {
    for version in VERSIONS_WITH_UNO {
        let mut qemu = load_in_qemu(version, |uno| {
            // inc r24; rjmp to itself
            uno.ram[0].bytes()[..4].copy_from_slice(&[0x83, 0x95, 0xff, 0xcf]);
            (uno.cpu.pc, uno.cpu.r[24]) = (0, 41);
        });
        qemu.execute("cont", json!({}));
        let deadline = Instant::now() + Duration::from_secs(20);
        while !qemu.monitor("info registers").contains("R[24]:  2a") {
            assert!(Instant::now() < deadline, "{version}: {}", qemu.monitor("info registers"));
        }
    }
}
