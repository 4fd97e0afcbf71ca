//! The table of QEMU's macros in the reference of attributes: every row, with its bytes.
//!
//! `every_row_of_the_table_is_tested` searches the files of this module for the Rust code of the table.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;

use vmstate::description::Priority;
use vmstate::info::array::{Boxed, Each};
use vmstate::prelude::*;
use vmstate::{Info, Temporary};

use super::{hex, load, save};

mod bytes;
mod containers;
mod structs;
mod values;
mod whole;

const TABLE: &str = include_str!("../../../../vmstate/src/attributes/porting.md");
const SOURCES: [&str; 5] = [
    include_str!("porting/bytes.rs"),
    include_str!("porting/containers.rs"),
    include_str!("porting/structs.rs"),
    include_str!("porting/values.rs"),
    include_str!("porting/whole.rs"),
];

/// Saving `device` gives `wire`, and loading that into `fresh` gives `device` again.
fn both_ways<T: VmState + PartialEq + Debug>(mut device: T, mut fresh: T, wire: &str) {
    let wire = hex(wire);
    assert_eq!(save(&mut device), wire);
    load(&mut fresh, &wire, T::DESCRIPTION.version).unwrap();
    assert_eq!(fresh, device);
}

#[test]
fn every_row_of_the_table_is_tested() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let source = words(&SOURCES.concat());
    let rows = TABLE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| in C"));
    let mut tried = 0;
    for row in rows {
        let in_rust = row.split(" | ").nth(1).unwrap_or_default();
        for code in row.split('`').skip(1).step_by(2).filter(|code| code.contains(": ") || code.contains(" = ")) {
            assert!(source.contains(&words(code)), "{code} of the table is not tried");
            tried += 1;
        }
        assert!(!in_rust.is_empty(), "{row}");
    }
    assert!(tried >= 75, "{tried}");
}

/// All macros for fields that `include/migration/vmstate.h` has in QEMU 7.2 to 11. An ending `_V` or `_TEST` is a gate.
const MACROS: &str = "
    SINGLE_TEST SINGLE_FULL SINGLE VALIDATE POINTER POINTER_TEST ARRAY ARRAY_TEST 2DARRAY SUB_ARRAY ARRAY_INT32_UNSAFE
    VARRAY VARRAY_INT32 VARRAY_UINT32 VARRAY_ALLOC VARRAY_INT32_ALLOC VARRAY_UINT32_ALLOC VARRAY_UINT16_ALLOC
    VARRAY_UNSAFE VARRAY_UINT16_UNSAFE VARRAY_MULTIPLY VSTRUCT VSTRUCT_V VSTRUCT_TEST STRUCT STRUCT_TEST
    STRUCT_POINTER STRUCT_POINTER_V STRUCT_POINTER_TEST STRUCT_POINTER_TEST_V ARRAY_OF_POINTER
    ARRAY_OF_POINTER_TO_STRUCT VARRAY_OF_POINTER VARRAY_OF_POINTER_UINT32 VARRAY_OF_POINTER_TO_STRUCT_ALLOC
    VARRAY_OF_POINTER_TO_STRUCT_UINT8_ALLOC VARRAY_OF_POINTER_TO_STRUCT_UINT32_ALLOC STRUCT_SUB_ARRAY STRUCT_ARRAY
    STRUCT_ARRAY_TEST STRUCT_2DARRAY STRUCT_2DARRAY_TEST STRUCT_VARRAY STRUCT_VARRAY_UINT8 STRUCT_VARRAY_INT32
    STRUCT_VARRAY_UINT32 STRUCT_VARRAY_POINTER STRUCT_VARRAY_POINTER_INT32 STRUCT_VARRAY_POINTER_UINT32
    STRUCT_VARRAY_POINTER_UINT16 STRUCT_VARRAY_POINTER_KNOWN STRUCT_VARRAY_ALLOC STATIC_BUFFER VBUFFER VBUFFER_UINT32
    VBUFFER_UINT64 VBUFFER_ALLOC VBUFFER_ALLOC_UINT32 VBUFFER_MULTIPLY PARTIAL_VBUFFER PARTIAL_VBUFFER_UINT32 BUFFER
    BUFFER_V BUFFER_TEST PARTIAL_BUFFER BUFFER_START_MIDDLE BUFFER_START_MIDDLE_V BUFFER_UNSAFE BUFFER_UNSAFE_INFO
    BUFFER_UNSAFE_INFO_TEST BUFFER_POINTER_UNSAFE WITH_TMP WITH_TMP_TEST UNUSED UNUSED_V UNUSED_TEST UNUSED_BUFFER
    UNUSED_VARRAY UNUSED_VARRAY_UINT32 BITMAP BITMAP_TEST QTAILQ_V QLIST_V GTREE_V GTREE_DIRECT_KEY_V GBYTEARRAY
    BOOL INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 U8 U16 U32 U64 BOOL_V INT8_V INT16_V INT32_V INT64_V
    UINT8_V UINT16_V UINT32_V UINT64_V U8_V U16_V U32_V U64_V BOOL_TEST INT8_TEST INT16_TEST INT32_TEST INT64_TEST
    UINT8_TEST UINT16_TEST UINT32_TEST UINT64_TEST FD FD_V UINT8_EQUAL UINT16_EQUAL UINT16_EQUAL_V INT32_EQUAL
    UINT32_EQUAL UINT32_EQUAL_V UINT64_EQUAL UINT64_EQUAL_V INT32_POSITIVE_LE TIMER TIMER_V TIMER_TEST TIMER_PTR
    TIMER_PTR_V TIMER_PTR_TEST TIMER_ARRAY TIMER_PTR_ARRAY BOOL_ARRAY INT16_ARRAY INT32_ARRAY INT64_ARRAY UINT8_ARRAY
    UINT16_ARRAY UINT32_ARRAY UINT64_ARRAY BOOL_ARRAY_V INT16_ARRAY_V INT32_ARRAY_V INT64_ARRAY_V UINT8_ARRAY_V
    UINT16_ARRAY_V UINT32_ARRAY_V UINT64_ARRAY_V BOOL_SUB_ARRAY UINT8_SUB_ARRAY UINT16_SUB_ARRAY UINT32_SUB_ARRAY
    UINT64_SUB_ARRAY UINT8_2DARRAY UINT16_2DARRAY UINT32_2DARRAY UINT64_2DARRAY UINT8_2DARRAY_V UINT16_2DARRAY_V
    UINT32_2DARRAY_V UINT64_2DARRAY_V CPUDOUBLE_ARRAY CPUDOUBLE_ARRAY_V END_OF_LIST
";

#[test]
fn every_macro_is_in_the_table() {
    for name in MACROS.split_whitespace() {
        let without_gate = name.trim_end_matches("_V").trim_end_matches("_TEST");
        let has_row = |name: &str| TABLE.contains(&format!("`VMSTATE_{name}`"));
        assert!(has_row(name) || has_row(without_gate), "the table has no row for VMSTATE_{name}");
    }
}

/// An info of the device's own: eight flags in a byte.
#[derive(Debug)]
struct Packed;

impl Info<[bool; 8]> for Packed {
    const NAME: &'static str = "packed";
    const SIZE: Option<usize> = Some(1);

    fn put(flags: &[bool; 8], to: &mut Writer) -> Result<(), SaveError> {
        to.u8(flags.iter().rev().fold(0, |byte, &flag| byte << 1 | u8::from(flag)));
        Ok(())
    }

    fn get(flags: &mut [bool; 8], from: &mut Reader<'_>) -> Result<(), LoadError> {
        let byte = from.u8()?;
        *flags = std::array::from_fn(|bit| byte >> bit & 1 == 1);
        Ok(())
    }
}

/// The flags of which only the one of this bit is set.
fn flag(bit: usize) -> [bool; 8] {
    std::array::from_fn(|other| other == bit)
}

#[derive(VmState, Debug, Default, PartialEq, Clone)]
#[vmstate(name = "fifo", version = 2)]
struct Fifo {
    head: u8,
    #[vmstate(since = 2)]
    tail: u8,
}

fn fifo(head: u8) -> Fifo {
    Fifo { head, tail: 0xf0 | head }
}
