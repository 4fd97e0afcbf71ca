//! Names in the user's code that generated code might be mistaken for.
#![allow(dead_code, unused_macros, reason = "only the names matter")]

use vmstate::VmState as Derive;

use super::{load, save};

#[derive(Derive, Debug, Default, PartialEq)]
#[vmstate(name = "names", version = 2, post_load = error, needed = sink, pre_save = Self::pre_save,
    subsection("names/group", needed = Self::needed, pre_save = reader, post_save = version))]
struct Names {
    self_: u8,
    reader: u8,
    #[vmstate(since = 2, default = value)]
    version: u8,
    #[vmstate(when = holds)]
    sink: u8,
    out: [u8; 2],
    from: u8,
    offsets: u8,
    index: u8,
    inner: Inner,
    #[vmstate(in = "names/group")]
    saved: u8,
    #[vmstate(in = "names/group")]
    value: u8,
}

#[derive(Derive, Debug, Default, PartialEq)]
struct Inner {
    value: u8,
}

/// Not a result.
struct Result;
/// Not an option.
struct Option;
struct Some;
struct Ok;
struct Err;
struct None;
struct String;
struct Vec;
struct Default;
struct Sink;
struct Wire;
struct VmState;
struct Description;
trait Reader {}
mod core {}
mod std {}
mod alloc {}
mod vmstate_types {}

macro_rules! assert {
    ($($tokens:tt)*) => {
        compile_error!("not the user's macro")
    };
}

impl Names {
    /// Inherent items take precedence over items of traits.
    const DESCRIPTION: u8 = 0;
    const FORM: u8 = 0;
    const FIXED: u8 = 0;

    fn needed(&self) -> bool {
        true
    }

    fn pre_save(&mut self) {}

    fn save_fields(&self) {}

    fn load_fields(&self) {}

    fn put(&self) {}

    fn get(&self) {}
}

fn error(_: &mut Names) {}

fn reader(_: &Names) {}

fn version(_: &Names, _: u32) {}

fn sink(_: &Names) -> bool {
    true
}

fn value() -> u8 {
    7
}

fn holds(_: &Names) -> bool {
    true
}

#[test]
fn generated_code_is_hygienic() {
    let mut names = Names { self_: 1, out: [2, 3], index: 4, ..::core::default::Default::default() };
    let bytes = save(&mut names);
    assert_eq!(bytes.len(), 10 + 1 + 1 + 11 + 4 + 2);
    let mut loaded = Names::default();
    load(&mut loaded, &bytes, 2).unwrap();
    assert_eq!(loaded, names);
}

/// Macros pass types in invisible groups.
macro_rules! device {
    ($name:ident { $($field:ident: $type:ty = $version:literal),* }) => {
        #[derive(Derive, Debug, PartialEq)]
        #[vmstate(version = 3)]
        struct $name {
            $(#[vmstate(since = $version)] $field: $type,)*
        }
    };
}

device!(Made { a: u8 = 1, b: [u16; 2] = 2, c: [[u8; 1]; 2] = 2, d: i64 = 3 });

#[test]
fn macros_may_write_devices() {
    let mut made = Made { a: 1, b: [2, 3], c: [[4], [5]], d: -1 };
    assert_eq!(save(&mut made), [1, 0, 2, 0, 3, 4, 5, 255, 255, 255, 255, 255, 255, 255, 255]);
}

mod renamed {
    pub(super) mod library {
        pub(crate) use vmstate::__private;
    }
}

#[derive(Derive)]
#[vmstate(crate = renamed::library)]
struct Renamed {
    value: u8,
}

#[test]
fn the_library_may_have_another_name() {
    assert_eq!(save(&mut Renamed { value: 3 }), [3]);
}
