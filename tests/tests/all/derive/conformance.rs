//! The cases of QEMU's unit test (`tests/unit/test-vmstate.c`) with its bytes, and additional cases.
//!
//! Each row of a table is a test with the name of QEMU's case. The structs are in `devices` (QEMU's) and `extra` (the
//! others). The checking functions are documented below the tables.

mod devices;
mod extra;

use std::fmt::Debug;

use vmstate::prelude::*;
use vmstate::schema::Release;

use self::devices::*;
use self::extra::*;
use super::{any_bytes, check_any_bytes, described, hex, load, save};

macro_rules! cases {
    ($($name:ident: $check:expr;)*) => {
        $(
            #[test]
            fn $name() {
                $check;
            }
        )*
    };
}

/// The cases that QEMU tests.
mod qemu {
    use super::*;

    /// Version 2 of `test/versioned` and `test/skip`.
    const ALL: &str = "0000000a 00000014 0000001e 0000000000000028 00000032 000000000000003c";
    const DOMAIN_6: &str = "00000006 00000002
        01 0000000000001000 0000000000001fff 000000000000a000 00000001
        01 0000000000004000 0000000000004fff 00000000000e0000 00000002 00";
    const DOMAIN_5: &str = "00000005 00000001
        01 0000000001000000 0000000001ffffff 000000000f000000 00000003 00";

    cases! {
        simple_primitive: both_ways(primitive(), Primitive::default,
            "01 00 82 0200 00011170 0000000000b8f47c
             41 bf 0200 fe00 00011170 fffeee90 0000000000b8f47c ffffffffff470b84");
        simple_array: both_ways(Array { u16_1: [0x42, 0x43, 0x44] }, Array::default, "0042 0043 0044");

        versioned_load_v1: loads(|| Versioned { b: 200, e: 500, f: 600, ..Versioned::default() }, 1,
            "0000000a 0000001e 0000000000000028",
            &Versioned { a: 10, b: 200, c: 30, d: 40, e: 500, f: 600 });
        versioned_load_v2: both_ways(Versioned { a: 10, b: 20, c: 30, d: 40, e: 50, f: 60 }, Versioned::default, ALL);

        field_exists_save_noskip: saves(Skipping { skip_c_e: false, a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 },
            "00000001 00000002 00000003 0000000000000004 00000005 0000000000000006");
        field_exists_save_skip: saves(Skipping { skip_c_e: true, a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 },
            "00000001 00000002 0000000000000004 0000000000000006");
        field_exists_load_noskip: loads(Skipping::default, 2, ALL,
            &Skipping { skip_c_e: false, a: 10, b: 20, c: 30, d: 40, e: 50, f: 60 });
        field_exists_load_skip: loads(|| Skipping { skip_c_e: true, c: 300, e: 500, ..Skipping::default() }, 2,
            "0000000a 00000014 0000000000000028 000000000000003c",
            &Skipping { skip_c_e: true, a: 10, b: 20, c: 300, d: 40, e: 500, f: 60 });

        array_ptr_str_no0: both_ways(structs([0, 1, 2, 3].map(Some)), || structs([Some(9); 4]),
            "00000000 00000001 00000002 00000003");
        array_ptr_str_0: both_ways(structs([Some(0), None, Some(2), Some(3)]),
            || structs([Some(9), None, Some(9), Some(9)]),
            "00000000 30 00000002 00000003");
        array_ptr_prim_0: both_ways(numbers([Some(0), None, Some(2), Some(3)]),
            || numbers([Some(9), None, Some(9), Some(9)]),
            "00000000 30 00000002 00000003");

        qtailq: both_ways(queue(), Queue::default, "fe00 01 01 82 01 00 41 00 00011170");
        gtree_domain: both_ways(domain_6(), Domain::default, DOMAIN_6);
        gtree_iommu: both_ways(iommu(), Iommu::default,
            &format!("00000007 00000002 01 0000000000000005 {DOMAIN_5} 01 0000000000000006 {DOMAIN_6} 00"));
        qlist: both_ways(container(), Container::default, "00000001 01 0000000a 01 00000b00 01 000c0000 01 0d000000 00");
        tmp_struct: both_ways(WithTemporary { a: 2, b: 4, d: 1, f: 8 }, WithTemporary::default,
            "00000002 0000000000000001 0000000000000002 0000000000000008");
    }
}

/// Additional cases.
mod others {
    use super::*;

    cases! {
        // Subsections: 05, the length of the name, the name, the version.
        subsection_present: both_ways(Dev { field: 7, extra: 0xbeef, sends_extra: true },
            || Dev { sends_extra: true, ..Dev::default() },
            "07 05 09 6465762f6578747261 00000003 beef");
        subsection_not_needed: saves(Dev { field: 7, extra: 0xbeef, sends_extra: false }, "07");
        subsection_absent: loads(|| Dev { extra: 0xabcd, ..Dev::default() }, 1, "07",
            &Dev { field: 7, extra: 0xabcd, sends_extra: false });
        subsection_unknown: refuses(Dev::default, "07 05 09 6465762f6f74686572 00000003 beef", 1,
            "VM subsection 'dev/other' in 'dev' does not exist");
        subsection_of_another: leaves(Dev::default, "07 05 09 6465782f6578747261 00000003 beef", 1);
        subsection_too_old: refuses(Dev::default, "07 05 09 6465762f6578747261 00000001 beef", 16,
            "dev/extra: incoming version_id 1 is too old for local minimum version_id 2");
        subsection_too_new: refuses(Dev::default, "07 05 09 6465762f6578747261 00000004 beef", 16,
            "dev/extra: incoming version_id 4 is too new for local version_id 3");
        subsection_version_is_a_byte: loads(Dev::default, 1, "07 05 09 6465762f6578747261 00000103 beef",
            &Dev { field: 7, extra: 0xbeef, sends_extra: false });
        subsection_nested: both_ways(outermost(), Outermost::default,
            "01 05 09 6f757465722f6d6964 00000001 02 05 0f 6f757465722f6d69642f696e6e6572 00000001 03");
        subsection_ambiguous: loads(Ambiguous::default, 1, "07 05 09 6f",
            &Ambiguous { dev: Dev { field: 7, ..Dev::default() }, next: [5, 9, 0x6f] });
        subsection_ambiguous_and_taken: refuses(Ambiguous::default, "07 05 04 6465762f 00000001 beef", 1,
            "VM subsection 'dev/' in 'dev' does not exist");

        // QEMU's message for a rejected value.
        equal_uint8: refuses(agreed, "02", 0, "1 != 2");
        equal_uint16: refuses(agreed, "01 0010", 1, "11 != 10");
        equal_uint32: refuses(agreed, "01 0011 ffffffff", 3, "12 != ffffffff");
        equal_int32: refuses(agreed, "01 0011 00000012 80000000", 7, "ffffffff != 80000000");
        equal_uint64: refuses(agreed, "01 0011 00000012 ffffffff 0000000000000000", 11, "13 != 0");
        le_negative: refuses(agreed, "01 0011 00000012 ffffffff 0000000000000013 ffffffff", 19,
            "Invalid value -1 expecting positive value <= 20");
        le_too_large: refuses(agreed, "01 0011 00000012 ffffffff 0000000000000013 00000015", 19,
            "Invalid value 21 expecting positive value <= 20");
        equal_and_le: loads(agreed, 1, "01 0011 00000012 ffffffff 0000000000000013 0000000a",
            &agreed_with(10));
        validate: refuses(Fifo::default, "05", 1, "Input validation failed: fifo/level fits version_id: 1");
        validate_when_saved: does_not_save(fifo(5),
            "field fifo: \"level fits\" does not hold");
        post_save_after_a_failure: post_save_runs_after_a_failure();

        // Pointers, of the generation that marks all of them.
        auto_alloc_all: both_ways(marked([Some(1), Some(2), Some(3)]), Marked::default,
            "31 00000001 31 00000002 31 00000003");
        auto_alloc_none: both_ways(marked([None, None, None]), || marked([Some(1), None, Some(2)]), "30 30 30");
        auto_alloc_some: both_ways(marked([None, Some(2), None]), || marked([Some(9), None, None]), "30 31 00000002 30");

        // Bits, in words of 64.
        bitmap_0: both_ways(bits(0, &[]), Bits::default, "00000000");
        bitmap_1: both_ways(bits(1, &[1]), Bits::default, "00000001 0000000000000001");
        bitmap_63: both_ways(bits(63, &[1 << 62]), Bits::default, "0000003f 4000000000000000");
        bitmap_64: both_ways(bits(64, &[1 << 63]), Bits::default, "00000040 8000000000000000");
        bitmap_65: both_ways(bits(65, &[2, 1]), Bits::default, "00000041 0000000000000002 0000000000000001");

        // Arrays.
        vbuffer: both_ways(buffers(), Buffers::default, "00000003 0a0b0c 02 0102030405060708");
        vbuffer_multiply_too_large: refuses_at(Buffers::default, "00000000 04", "buffers.words", 5);
        unused_varray: both_ways(padded(3), Padded::default, "03 000000000000 09");
        unused_varray_is_ignored: loads(Padded::default, 1, "02 ffffffff 09", &padded(2));
        unused_varray_too_large: refuses_at(Padded::default, "05", "padded.unused", 1);
        g_byte_array: both_ways(ByteArray { bytes: vec![1, 2, 3] }, ByteArray::default, "00000003 010203");
        g_byte_array_empty: both_ways(ByteArray { bytes: vec![] }, ByteArray::default, "00000000");
        g_byte_array_too_large: refuses_at(ByteArray::default, "ffffffff", "byte_array.bytes", 0);
        two_dimensions: both_ways(Tables { numbers: [[1, 2, 3], [4, 5, 6]], ..Tables::default() }, Tables::default,
            "0001 0002 0003 0004 0005 0006 00 00 00 00 00 0000");
        two_dimensions_of_structs: both_ways(
            Tables { structs: [[Small(1), Small(2)], [Small(3), Small(4)]], ..Tables::default() }, Tables::default,
            "0000 0000 0000 0000 0000 0000 01 02 03 04 00 0000");
        sub_arrays: both_ways(Tables { part: [0, 1, 0, 0], middle: [0, 2, 3, 0], ..Tables::default() }, Tables::default,
            "0000 0000 0000 0000 0000 0000 00 00 00 00 01 0203");

        // Versioned structs: the version is not on the wire.
        vstruct_v1_and_v2: both_ways(Versions { old: Inner { a: 1, b: 0 }, new: Inner { a: 2, b: 3 } }, Versions::default,
            "01 02 03");

        // Single values.
        timer_armed: both_ways(Single { timer: Some(1000), real: 0.0 }, Single::default,
            "00000000000003e8 0000000000000000");
        timer_disarmed: both_ways(Single { timer: None, real: 0.0 }, || Single { timer: Some(1), real: 0.0 },
            "ffffffffffffffff 0000000000000000");
        cpudouble: both_ways(Single { timer: Some(0), real: -1.5 }, Single::default,
            "0000000000000000 bff8000000000000");

        // The description.
        vmdesc_7_2: describes(Release::Qemu7_2);
        vmdesc_10_0: describes(Release::Qemu10_0);
        vmdesc_11_1: describes(Release::Qemu11_1);
    }
}

/// Saving `device` writes `wire`.
#[track_caller]
fn saves(mut device: impl VmState, wire: &str) {
    assert_eq!(save(&mut device), hex(wire));
}

/// Loading `wire`, as saved at `version`, makes a fresh device the expected one; no part of it loads.
#[track_caller]
fn loads<T: VmState + PartialEq + Debug>(fresh: impl Fn() -> T, version: u32, wire: &str, expected: &T) {
    let wire = hex(wire);
    let mut loaded = fresh();
    load(&mut loaded, &wire, version).unwrap();
    assert_eq!(&loaded, expected);
    check_parts(fresh, &wire, version);
}

/// Saving and loading.
#[track_caller]
fn both_ways<T: VmState + PartialEq + Debug>(mut device: T, fresh: impl Fn() -> T, wire: &str) {
    assert_eq!(save(&mut device), hex(wire));
    loads(fresh, T::DESCRIPTION.version, wire, &device);
}

/// No truncated stream loads. QEMU tests this for no bytes, all but the last byte, and both halves.
///
/// A stream truncated before a subsection lacks it, and a stream truncated in its header contains other data
/// (QEMU tests neither).
#[track_caller]
fn check_parts<T: VmState>(fresh: impl Fn() -> T, wire: &[u8], version: u32) {
    let fields = wire.iter().position(|byte| *byte == 5 && !T::DESCRIPTION.subsections.is_empty());
    for end in 0..fields.unwrap_or(wire.len()) {
        let error = load(&mut fresh(), &wire[..end], version).expect_err("a stream that is cut");
        assert!(error.is_truncated() && error.offset().is_some_and(|offset| offset <= end as u64), "{end}: {error}");
        assert!(error.path().starts_with(T::DESCRIPTION.name), "{end}: {error}");
    }
    let half = &wire[wire.len().div_ceil(2)..];
    let mut reader = Reader::from_slice(half);
    let loaded = fresh().load(&mut reader, version);
    assert!(loaded.is_err() || reader.offset() < half.len() as u64, "the second half alone is loaded whole");
}

/// Loading `wire` fails at `offset`, with QEMU's message `text`.
#[track_caller]
fn refuses<T: VmState + Debug>(fresh: impl Fn() -> T, wire: &str, offset: u64, text: &str) {
    let error = fresh().load(&mut Reader::from_slice(&hex(wire)), T::DESCRIPTION.version).unwrap_err();
    assert_eq!((error.qemu_message(), error.offset()), (Some(text), Some(offset)), "{error}");
}

/// Loading `wire` fails at `offset` in the field `path`, although QEMU accepts it.
#[track_caller]
fn refuses_at<T: VmState + Debug>(fresh: impl Fn() -> T, wire: &str, path: &str, offset: u64) {
    let error = fresh().load(&mut Reader::from_slice(&hex(wire)), T::DESCRIPTION.version).unwrap_err();
    assert_eq!((error.path().as_str(), error.offset()), (path, Some(offset)), "{error}");
}

/// Saving fails, in these words.
#[track_caller]
fn does_not_save(mut device: impl VmState, text: &str) {
    assert_eq!(device.save(&mut Writer::new()).unwrap_err().to_string(), text);
}

/// Loading `wire` reads its first `taken` bytes only.
#[track_caller]
fn leaves<T: VmState>(fresh: impl Fn() -> T, wire: &str, taken: u64) {
    let wire = hex(wire);
    let mut reader = Reader::from_slice(&wire);
    fresh().load(&mut reader, 1).unwrap();
    assert_eq!(reader.offset(), taken);
}

#[test]
fn nan_bytes_are_a_valid_state() {
    check_any_bytes(Single::default, &hex("0000000000000000 7ff0000000000001"));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_rejected_or_a_state(bytes in any_bytes()) {
        check_any_bytes(Primitive::default, &bytes);
        check_any_bytes(Versioned::default, &bytes);
        check_any_bytes(|| structs([Some(0), None, Some(0), None]), &bytes);
        check_any_bytes(Queue::default, &bytes);
        check_any_bytes(Domain::default, &bytes);
        check_any_bytes(Iommu::default, &bytes);
        check_any_bytes(Container::default, &bytes);
        check_any_bytes(WithTemporary::default, &bytes);
        check_any_bytes(Outermost::default, &bytes);
        check_any_bytes(agreed, &bytes);
        check_any_bytes(Marked::default, &bytes);
        check_any_bytes(Bits::default, &bytes);
        check_any_bytes(Buffers::default, &bytes);
        check_any_bytes(ByteArray::default, &bytes);
        check_any_bytes(Padded::default, &bytes);
        check_any_bytes(Tables::default, &bytes);
        check_any_bytes(Versions::default, &bytes);
        check_any_bytes(Single::default, &bytes);
    }
}
