//! Whatever the state: what was saved loads, and saves as the same bytes again. Whatever the bytes: no panic.

use proptest::prelude::*;
use vmstate::prelude::*;

use super::{load, save};

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "mixed", version = 3, subsection("mixed/group", needed = Self::has_group))]
struct Mixed {
    flags: [bool; 3],
    small: i8,
    #[vmstate(since = 2)]
    words: [[u16; 2]; 2],
    long: i64,
    real: f64,
    part: Part,
    parts: [Part; 3],
    pad: Unused<5>,
    #[vmstate(timer)]
    timer: Option<u64>,
    #[vmstate(buffer)]
    name: [u8; 7],
    #[vmstate(when = Self::is_long)]
    extra: u32,
    #[vmstate(since = 3)]
    last: u64,
    #[vmstate(in = "mixed/group")]
    a: u32,
    #[vmstate(in = "mixed/group")]
    b: [i16; 2],
    #[vmstate(subsection("mixed/option"))]
    option: Option<Part>,
}

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "part")]
struct Part {
    x: u8,
    y: u32,
}

impl Mixed {
    fn is_long(&self) -> bool {
        self.long > 0
    }

    fn has_group(&self) -> bool {
        self.a != 0
    }
}

prop_compose! {
    fn part()(x: u8, y: u32) -> Part {
        Part { x, y }
    }
}

prop_compose! {
    fn mixed()(
        (flags, small, words, long) in any::<([bool; 3], i8, [[u16; 2]; 2], i64)>(),
        real in -1e300_f64..1e300,
        part in part(),
        parts in [part(), part(), part()],
        timer in proptest::option::of(0..u64::MAX),
        (name, extra, last, a, b) in any::<([u8; 7], u32, u64, u32, [i16; 2])>(),
        option in proptest::option::of(part()),
    ) -> Mixed {
        let extra = if long > 0 { extra } else { 0 };
        let b = if a != 0 { b } else { [0; 2] };
        let pad = Unused;
        Mixed { flags, small, words, long, real, part, parts, pad, timer, name, extra, last, a, b, option }
    }
}

proptest! {
    #[test]
    fn what_was_saved_loads(mut device in mixed()) {
        let bytes = save(&mut device);
        let mut loaded = Mixed::default();
        load(&mut loaded, &bytes, 3).unwrap();
        prop_assert_eq!(&loaded, &device);
        prop_assert_eq!(save(&mut loaded), bytes);
    }

    #[test]
    fn no_bytes_make_a_load_panic(
        mut device in mixed(),
        flips in proptest::collection::vec(any::<(usize, u8)>(), 0..4),
        version in 0_u32..5,
        cut in any::<usize>(),
    ) {
        let mut bytes = save(&mut device);
        for (at, byte) in flips {
            let at = at % bytes.len();
            bytes[at] ^= byte;
        }
        bytes.truncate(cut % (bytes.len() + 1));
        let mut reader = Reader::from_slice(&bytes);
        if let Err(error) = Mixed::default().load(&mut reader, version) {
            prop_assert!(error.path().starts_with("mixed") && error.offset().is_some(), "{}", error);
        }
    }
}
