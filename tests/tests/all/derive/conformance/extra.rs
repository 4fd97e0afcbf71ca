//! The structs of the additional cases, and two cases that are not in a table.

use std::mem;

use vmstate::prelude::*;
use vmstate::schema::Release;

use super::described;

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "dev")]
pub(super) struct Dev {
    pub(super) field: u8,
    #[vmstate(subsection("dev/extra", version = 3, minimum_version = 2, needed = Self::sends_extra))]
    pub(super) extra: u16,
    #[vmstate(skip = "read by the predicate")]
    pub(super) sends_extra: bool,
}

impl Dev {
    fn sends_extra(&self) -> bool {
        self.sends_extra
    }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "outer")]
pub(super) struct Outermost {
    field: u8,
    #[vmstate(subsection)]
    middle: Option<Middle>,
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "outer/mid")]
struct Middle {
    field: u8,
    #[vmstate(subsection("outer/mid/inner"))]
    inner: Option<u8>,
}

pub(super) fn outermost() -> Outermost {
    Outermost { field: 1, middle: Some(Middle { field: 2, inner: Some(3) }) }
}

/// QEMU's format does not mark the end of `dev`.
#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "ambiguous")]
pub(super) struct Ambiguous {
    #[vmstate(ambiguous = "to test the ambiguity")]
    pub(super) dev: Dev,
    pub(super) next: [u8; 3],
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "agreed")]
pub(super) struct Agreed {
    #[vmstate(equal)]
    uint8: u8,
    #[vmstate(equal)]
    uint16: u16,
    #[vmstate(equal)]
    uint32: u32,
    #[vmstate(equal)]
    int32: i32,
    #[vmstate(equal)]
    uint64: u64,
    #[vmstate(le)]
    le: i32,
}

pub(super) fn agreed() -> Agreed {
    agreed_with(20)
}

pub(super) fn agreed_with(le: i32) -> Agreed {
    Agreed { uint8: 1, uint16: 0x11, uint32: 0x12, int32: -1, uint64: 0x13, le }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "fifo", must_exist("level fits", Self::level_fits), post_save = Self::post_save)]
pub(super) struct Fifo {
    level: u8,
    #[vmstate(skip = "examined by the tests")]
    post_saves: u8,
}

impl Fifo {
    fn level_fits(&self) -> bool {
        self.level <= 4
    }

    fn post_save(&mut self) {
        self.post_saves += 1;
    }
}

pub(super) fn fifo(level: u8) -> Fifo {
    Fifo { level, post_saves: 0 }
}

pub(super) fn post_save_runs_after_a_failure() {
    let mut fifo = fifo(5);
    assert!(fifo.save(&mut Writer::new()).is_err());
    assert_eq!(mem::take(&mut fifo.post_saves), 1);
    fifo.level = 4;
    fifo.save(&mut Writer::new()).unwrap();
    assert_eq!(fifo.post_saves, 1);
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "marked")]
pub(super) struct Marked {
    #[vmstate(pointer(alloc))]
    slots: [Option<Box<Slot>>; 3],
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "slot")]
struct Slot {
    value: u32,
}

pub(super) fn marked(values: [Option<u32>; 3]) -> Marked {
    Marked { slots: values.map(|value| value.map(|value| Box::new(Slot { value }))) }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "bits")]
pub(super) struct Bits {
    count: i32,
    #[vmstate(bitmap(bits = count, max = 128))]
    words: Vec<u64>,
}

pub(super) fn bits(count: i32, words: &[u64]) -> Bits {
    Bits { count, words: words.into() }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "buffers")]
pub(super) struct Buffers {
    size: u32,
    #[vmstate(buffer(len = size, max = 16))]
    bytes: Vec<u8>,
    count: u8,
    #[vmstate(buffer(len = count, multiply = 4))]
    words: [u8; 12],
}

pub(super) fn buffers() -> Buffers {
    let words = [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0];
    Buffers { size: 3, bytes: vec![10, 11, 12], count: 2, words }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "byte_array")]
pub(super) struct ByteArray {
    #[vmstate(byte_array(max = 16))]
    pub(super) bytes: Vec<u8>,
}

/// QEMU's `VMSTATE_UNUSED_VARRAY_UINT32`: so many times two bytes.
#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "padded")]
pub(super) struct Padded {
    count: u8,
    #[vmstate(unused(before = count * 2, max = 4))]
    last: u8,
}

pub(super) fn padded(count: u8) -> Padded {
    Padded { count, last: 9 }
}

#[derive(VmState, Debug, Default, PartialEq, Clone, Copy)]
#[vmstate(name = "small")]
pub(super) struct Small(pub(super) u8);

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "tables")]
pub(super) struct Tables {
    pub(super) numbers: [[u16; 3]; 2],
    pub(super) structs: [[Small; 2]; 2],
    #[vmstate(range = 1..2)]
    pub(super) part: [u8; 4],
    #[vmstate(buffer, range = 1..3)]
    pub(super) middle: [u8; 4],
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "inner", version = 2)]
pub(super) struct Inner {
    pub(super) a: u8,
    #[vmstate(since = 2)]
    pub(super) b: u8,
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "versions", version = 9)]
pub(super) struct Versions {
    #[vmstate(versioned = 1)]
    pub(super) old: Inner,
    #[vmstate(versioned = 2)]
    pub(super) new: Inner,
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "single")]
pub(super) struct Single {
    #[vmstate(timer)]
    pub(super) timer: Option<u64>,
    pub(super) real: f64,
}

#[derive(VmState, Default)]
#[vmstate(name = "described", version = 2)]
struct Device {
    small: [Small; 3],
    numbers: [u16; 4],
    pad: Unused<2>,
    #[vmstate(unused(before = 3))]
    one: u8,
    #[vmstate(ambiguous = "as in QEMU's devices")]
    large: [Large; 2],
    #[vmstate(subsection("described/extra"))]
    extra: Option<u32>,
}

/// A struct whose array is not described as one, because its subsection is optional.
#[derive(VmState, Default)]
#[vmstate(name = "large")]
struct Large {
    value: u8,
    #[vmstate(subsection("large/sub"))]
    sub: Option<u8>,
}

/// The description of a struct array, an array, a name that comes twice, structs that differ, and a subsection.
pub(super) fn describes(release: Release) {
    let mut device = Device { extra: Some(7), ..Device::default() };
    device.large[1].sub = Some(1);
    let value = r#"{"name": "value", "type": "uint8", "size": 1}"#;
    let small = r#"{"vmsd_name": "small", "version": 1, "fields": [{"name": "0", "type": "uint8", "size": 1}]}"#;
    let sub = r#"{"vmsd_name": "large/sub", "version": 1, "fields": [{"name": "sub", "type": "uint8", "size": 1}]}"#;
    let extra =
        r#"{"vmsd_name": "described/extra", "version": 1, "fields": [{"name": "extra", "type": "uint32", "size": 4}]}"#;
    // QEMU 10.0 does not number the last element, and QEMU 11.1 none.
    let first = if release < Release::Qemu11_1 { r#", "index": 0"# } else { "" };
    let last = if release == Release::Qemu7_2 { r#", "index": 1"# } else { "" };
    let expected = [
        r#""vmsd_name": "described", "version": 2, "fields": ["#,
        &format!(r#"{{"name": "small", "array_len": 3, "type": "struct", "struct": {small}, "size": 1}}, "#),
        r#"{"name": "numbers", "array_len": 4, "type": "uint16", "size": 2}, "#,
        r#"{"name": "unused[0]", "type": "unused_buffer", "size": 2}, "#,
        r#"{"name": "unused[1]", "type": "unused_buffer", "size": 3}, "#,
        r#"{"name": "one", "type": "uint8", "size": 1}, "#,
        &format!(r#"{{"name": "large"{first}, "type": "struct", "#),
        &format!(r#""struct": {{"vmsd_name": "large", "version": 1, "fields": [{value}]}}, "size": 1}}, "#),
        &format!(r#"{{"name": "large"{last}, "type": "struct", "struct": {{"vmsd_name": "large", "version": 1, "#),
        &format!(r#""fields": [{value}], "subsections": [{sub}]}}, "size": 17}}], "#),
        &format!(r#""subsections": [{extra}]"#),
    ];
    assert_eq!(described(&mut device, release), expected.concat());
}
