//! The Arduino Uno of the examples, whose structs are all that these tests know about its streams.

use std::io::Cursor;

use vmstate::VmState;
use vmstate::schema::vmdesc::locate_in;
use vmstate_examples::devices::avr::{Cpu, Flags};
use vmstate_examples::difference::changes;
use vmstate_examples::uno::Uno;
use vmstate_tests::{releases, streams};

const STREAMS: [&str; 3] = ["qemu-7.2-uno", "qemu-10.0-uno", "qemu-11.1-uno"];

#[test]
fn unchanged_uno_saves_qemus_bytes() {
    for name in STREAMS {
        let bytes = streams::named(name).bytes;
        let (mut uno, release) = Uno::load(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let again = uno.save(release).unwrap();
        let first = bytes.iter().zip(&again).position(|(old, new)| old != new);
        assert_eq!((first, again.len()), (None, bytes.len()), "{name}");
        assert_eq!(Uno::load(&again).unwrap(), (uno, release), "{name}");
    }
}

#[test]
fn uno_has_the_state_of_its_program() {
    // The output of QEMU's monitor for this machine, except for the flag N, which it prints inverted (`avr_cpu_dump_state`
    // in `target/avr/cpu.c`). The program is in tests/streams/make.
    for name in STREAMS {
        let (uno, release) = Uno::load(&streams::named(name).bytes).unwrap();
        assert_eq!(release, releases::release(name));
        assert_eq!(uno.global_state.run_state(), "paused");
        assert_eq!((uno.cpu.pc_in_bytes(), uno.cpu.sp), (0x20, 0x8f3), "{name}");
        assert_eq!((uno.cpu.r[16], uno.cpu.r[17], uno.cpu.r[24], uno.cpu.r[25]), (0, 233, 144, 233), "{name}");
        assert_eq!((uno.cpu.x(), uno.cpu.y(), uno.cpu.z()), (0, 0x8ff, 0), "{name}");
        assert_eq!(uno.cpu.flags, Flags { i: true, z: true, ..Flags::default() }, "{name}");
        // The machine ran for about a second.
        assert!((500_000_000..5_000_000_000).contains(&uno.clock.nanoseconds), "{name}: {:?}", uno.clock);
    }
}

#[test]
fn changed_register_is_the_only_difference() {
    for name in STREAMS {
        let bytes = streams::named(name).bytes;
        let (mut uno, release) = Uno::load(&bytes).unwrap();
        uno.cpu.r[24] = 42;
        let changed = uno.save(release).unwrap();
        let found = changes("cpu", Cpu::DESCRIPTION, &bytes, &changed);
        let [change] = &found[..] else { panic!("{found:?}") };
        assert_eq!((change.path.as_str(), change.old, change.new), ("cpu.env.r[24]", 144, 42), "{name}");
        let differing: Vec<_> =
            (0_u64..).zip(bytes.iter().zip(&changed)).filter(|(_, (old, new))| old != new).collect();
        assert_eq!(differing, [(change.bytes.end - 1, (&144, &42))], "{name}");
    }
}

#[test]
fn truncated_uno_error_has_the_offset() {
    for name in STREAMS {
        let bytes = streams::named(name).bytes;
        let end = description(&bytes);
        for length in 0..bytes.len() {
            let cut = Uno::load(&bytes[..length]);
            if length >= end {
                // QEMU accepts streams without a description too.
                assert_eq!(cut.unwrap(), Uno::load(&bytes).unwrap(), "{name} at {length:#x}");
                continue;
            }
            let error = cut.unwrap_err();
            assert!(error.is_truncated(), "{name} at {length:#x}: {error}");
            assert!(error.location().is_some(), "{name} at {length:#x}: {error}");
            let offset = usize::try_from(error.offset().unwrap()).unwrap();
            assert!((length.saturating_sub(0x1000)..=length).contains(&offset), "{name} at {length:#x}: {error}");
        }
    }
}

/// Returns the offset of the description after the end of the machine, which begins with a tag and its length.
fn description(stream: &[u8]) -> usize {
    let (text, _) = locate_in(&mut Cursor::new(stream)).unwrap().unwrap();
    usize::try_from(text).unwrap() - 5
}
