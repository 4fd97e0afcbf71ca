//! Ports of QEMU's devices that have the right bytes, and fields that differ from the stream's description.

use vmstate::laws::Laws;
use vmstate::machine::SaveOptions;
use vmstate::prelude::*;
use vmstate::schema::Release;
use vmstate::stream::Configuration;
use vmstate_tests::streams;

use super::violation;

/// Compares a port of section `name` with a committed stream.
#[track_caller]
fn assert_differs<T: VmState + Default + 'static>(stream: &str, name: &str, parts: &[&str]) {
    let stream = streams::named(stream).bytes;
    let message = violation(|| Laws::<T>::default().matches_stream(&stream, name));
    for part in parts {
        assert!(message.contains(part), "expected `{part}` in\n{message}");
    }
}

const UNO: &str = "qemu-10.0-uno";

#[test]
fn swapped_fields_are_named() {
    #[derive(VmState, Default)]
    #[vmstate(name = "timer", version = 2)]
    struct Swapped {
        cpu_clock_offset: i64,
        unused: Unused<8>,
        cpu_ticks_offset: i64,
    }
    let parts = [
        "`timer.cpu_clock_offset`: the stream has `cpu_ticks_offset` (int64)",
        "this device has `cpu_clock_offset` (int64)",
        "another order",
    ];
    assert_differs::<Swapped>(UNO, "timer", &parts);
}

#[test]
fn other_types_of_one_size_are_named() {
    #[derive(VmState, Default)]
    #[vmstate(name = "timer", version = 2)]
    struct Unsigned {
        cpu_ticks_offset: u64,
        unused: Unused<8>,
        cpu_clock_offset: i64,
    }
    let parts = ["`timer.cpu_ticks_offset`: the stream has int64", "this device has uint64"];
    assert_differs::<Unsigned>(UNO, "timer", &parts);

    #[derive(VmState, Default)]
    #[vmstate(name = "timer", version = 2)]
    struct WithTimer {
        cpu_ticks_offset: i64,
        unused: Unused<8>,
        #[vmstate(timer)]
        cpu_clock_offset: Option<u64>,
    }
    assert_differs::<WithTimer>(UNO, "timer", &["`timer.cpu_clock_offset`: the stream has int64", "timer"]);
}

#[test]
fn bytes_for_fields_are_named() {
    #[derive(VmState, Default)]
    #[vmstate(name = "timer", version = 2)]
    struct Raw {
        #[vmstate(buffer)]
        data: [u8; 24],
    }
    let parts = ["`timer.data`: the stream has `cpu_ticks_offset` (int64)", "covers 3 fields of the stream"];
    assert_differs::<Raw>(UNO, "timer", &parts);
}

#[test]
fn other_name_is_named() {
    #[derive(VmState, Default)]
    #[vmstate(name = "timer", version = 2)]
    struct Renamed {
        ticks: i64,
        unused: Unused<8>,
        cpu_clock_offset: i64,
    }
    let parts = ["`timer.ticks`: the stream has `cpu_ticks_offset` (int64)", "another name"];
    assert_differs::<Renamed>(UNO, "timer", &parts);

    let laws = Laws::<Renamed>::default().differs("ticks", "the name of this hypervisor");
    laws.matches_stream(&streams::named(UNO).bytes, "timer");
}

#[test]
fn accepted_difference_covers_several_fields() {
    #[derive(VmState, Default)]
    #[vmstate(name = "timer", version = 2)]
    struct Raw {
        #[vmstate(buffer)]
        head: [u8; 16],
        clock: i64,
    }
    let stream = streams::named(UNO).bytes;
    let laws = || Laws::<Raw>::default().differs("timer.head", "kept as bytes");
    let message = violation(|| laws().matches_stream(&stream, "timer"));
    assert!(message.contains("`timer.clock`: the stream has `cpu_clock_offset` (int64)"), "{message}");
    laws().differs("clock", "short").matches_stream(&stream, "timer");
}

#[derive(VmState, Default)]
#[vmstate(name = "fifo", version = 2)]
struct Fifo {
    count: u8,
    data: [u8; 4],
}

#[derive(VmState, Default)]
#[vmstate(name = "port", version = 3)]
struct Port {
    mode: u32,
    level: u8,
    fifo: Fifo,
    table: [u16; 4],
    #[vmstate(subsection("port/timeout"))]
    timeout: Option<u64>,
}

/// Returns a stream with a section "port".
fn stream(release: Release) -> Vec<u8> {
    let mut port = Port { mode: 1, level: 1, timeout: Some(9), ..Port::default() };
    let mut machine = Machine::new();
    machine.set_configuration(Configuration::new("board"));
    machine.register("port", &mut port).unwrap();
    let mut stream = Vec::new();
    let options = SaveOptions::new().description(Some(release));
    machine.save_with(&mut stream, options).unwrap();
    stream
}

fn assert_port_differs<T: VmState + Default + 'static>(parts: &[&str]) {
    for release in [Release::Qemu7_2, Release::Qemu10_0] {
        Laws::<Port>::default().matches_stream(&stream(release), "port");
        let message = violation(|| Laws::<T>::default().matches_stream(&stream(release), "port"));
        for part in parts {
            assert!(message.contains(part), "expected `{part}` in\n{message}");
        }
    }
}

#[test]
fn signed_for_unsigned_is_named() {
    #[derive(VmState, Default)]
    #[vmstate(name = "port", version = 3)]
    struct Wrong {
        mode: i32,
        level: u8,
        fifo: Fifo,
        table: [u16; 4],
        #[vmstate(subsection("port/timeout"))]
        timeout: Option<u64>,
    }
    assert_port_differs::<Wrong>(&["`port.mode`: the stream has uint32, this device has int32"]);
}

#[test]
fn flag_for_integer_is_named() {
    #[derive(VmState, Default)]
    #[vmstate(name = "port", version = 3)]
    struct Wrong {
        mode: u32,
        level: bool,
        fifo: Fifo,
        table: [u16; 4],
        #[vmstate(subsection("port/timeout"))]
        timeout: Option<u64>,
    }
    assert_port_differs::<Wrong>(&["`port.level`: the stream has uint8, this device has bool"]);
}

#[test]
fn version_of_nested_struct_is_named() {
    #[derive(VmState, Default)]
    #[vmstate(name = "fifo", version = 1)]
    struct Old {
        count: u8,
        data: [u8; 4],
    }
    #[derive(VmState, Default)]
    #[vmstate(name = "port", version = 3)]
    struct Wrong {
        mode: u32,
        level: u8,
        fifo: Old,
        table: [u16; 4],
        #[vmstate(subsection("port/timeout"))]
        timeout: Option<u64>,
    }
    assert_port_differs::<Wrong>(&["`port.fifo`: the stream has version 2, this device has version 1"]);
}

#[test]
fn other_nesting_and_counts_are_named() {
    #[derive(VmState, Default)]
    #[vmstate(name = "port", version = 3)]
    struct Flat {
        mode: u32,
        level: u8,
        #[vmstate(name = "fifo.count")]
        count: u8,
        #[vmstate(name = "fifo.data")]
        data: [u8; 4],
        table: [u16; 4],
        #[vmstate(subsection("port/timeout"))]
        timeout: Option<u64>,
    }
    assert_port_differs::<Flat>(&["`port.fifo.count`: the stream has `fifo` (struct `fifo`, version 2)"]);

    #[derive(VmState, Default)]
    #[vmstate(name = "port", version = 3)]
    struct Wider {
        mode: u32,
        level: u8,
        fifo: Fifo,
        table: [u32; 2],
        #[vmstate(subsection("port/timeout"))]
        timeout: Option<u64>,
    }
    assert_port_differs::<Wider>(&["`port.table`: the stream has 4 x uint16, this device has 2 x uint32"]);
}

#[test]
fn field_of_a_subsection_is_named() {
    #[derive(VmState, Default)]
    #[vmstate(name = "port", version = 3)]
    struct Wrong {
        mode: u32,
        level: u8,
        fifo: Fifo,
        table: [u16; 4],
        #[vmstate(subsection("port/timeout"))]
        timeout: Option<i64>,
    }
    assert_port_differs::<Wrong>(&["`port.port/timeout.timeout`: the stream has uint64, this device has int64"]);
}

/// The counter of `table` is not in the stream, and zero.
#[test]
fn skipped_counter_is_the_reason() {
    #[derive(VmState, Default)]
    #[vmstate(name = "port", version = 3)]
    struct Wrong {
        mode: u32,
        level: u8,
        fifo: Fifo,
        #[vmstate(skip = "configuration")]
        count: u32,
        #[vmstate(len = count, max = 8)]
        table: Vec<u16>,
        #[vmstate(subsection("port/timeout"))]
        timeout: Option<u64>,
    }
    let parts = ["the device stopped reading at byte 10 of ", "because   `port.table`: the stream has 4 x uint16"];
    assert_port_differs::<Wrong>(&parts);
}

#[test]
fn false_condition_is_the_reason() {
    #[derive(VmState, Default)]
    #[vmstate(name = "port", version = 3)]
    struct Wrong {
        mode: u32,
        level: u8,
        fifo: Fifo,
        #[vmstate(when = Self::has_table)]
        table: [u16; 4],
        #[vmstate(subsection("port/timeout"))]
        timeout: Option<u64>,
    }

    impl Wrong {
        fn has_table(&self) -> bool {
            self.mode > 1
        }
    }
    let parts = ["the device stopped reading at byte 10 of ", "because   `port.table`: the stream has 4 x uint16"];
    assert_port_differs::<Wrong>(&parts);
}
