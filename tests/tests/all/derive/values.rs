//! Values whose types have a form without an attribute and no counterpart in QEMU: text, tuples, wide integers, and
//! `equal` on any of them. The bytes are written by hand.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::ops::Range;
use std::time::Duration;

use proptest::prelude::*;
use vmstate::info::Text;
use vmstate::prelude::*;
use vmstate::schema::Release;

use super::{any_bytes, check_any_bytes, check_truncation, described, load, loaded, refused, save};

#[derive(VmState, Default, Debug, PartialEq, Clone)]
#[vmstate(name = "values")]
struct Values {
    title: String,
    region: Box<str>,
    key: char,
    elapsed: Duration,
    wide: u128,
    deep: i128,
    window: Range<u16>,
    pair: (u8, bool),
    nested: [((u8, u16), i8); 2],
    named: (String, u8),
    nothing: (),
    kind: PhantomData<String>,
    last: u8,
}

fn values() -> Values {
    Values {
        title: "Pokémon".to_owned(),
        region: "EU".into(),
        key: 'é',
        elapsed: Duration::new(3, 7),
        wide: 0x0102 << 112 | 3,
        deep: -2,
        window: 4..5,
        pair: (6, true),
        nested: [((1, 2), -1), ((3, 4), -2)],
        named: ("A".to_owned(), 9),
        last: 8,
        ..Values::default()
    }
}

fn bytes() -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend([0, 0, 0, 8]);
    bytes.extend("Pokémon".as_bytes());
    bytes.extend([0, 0, 0, 2, b'E', b'U']);
    bytes.extend([0, 0, 0, 0xe9]);
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 7]);
    bytes.extend([1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
    bytes.extend([&[0xff; 15][..], &[0xfe]].concat());
    bytes.extend([0, 4, 0, 5]);
    bytes.extend([6, 1]);
    bytes.extend([1, 0, 2, 0xff, 3, 0, 4, 0xfe]);
    bytes.extend([0, 0, 0, 1, b'A', 9]);
    bytes.push(8);
    bytes
}

#[test]
fn values_have_hand_written_bytes() {
    assert_eq!(save(&mut values()), bytes());
    assert_eq!(loaded(Values::default(), &bytes()), values());
    check_truncation::<Values>(&bytes(), 1);
}

#[test]
fn values_are_described_as_structs_in_c() {
    #[derive(VmState, Default)]
    #[vmstate(name = "dev")]
    struct Dev {
        title: String,
        pair: (u8, bool),
        wide: u128,
        nothing: (),
    }

    let text = described(&mut Dev { title: "ab".to_owned(), ..Dev::default() }, Release::Qemu7_2);
    for part in [
        "\"name\": \"title\", \"type\": \"struct\", \"struct\": {\"vmsd_name\": \"string\", \"version\": 1, \"fields\": \
         [{\"name\": \"len\", \"type\": \"uint32\", \"size\": 4}, {\"name\": \"data\", \"type\": \"buffer\", \"size\": 2}]}",
        "{\"name\": \"0\", \"type\": \"uint8\", \"size\": 1}, {\"name\": \"1\", \"type\": \"bool\", \"size\": 1}",
        "{\"name\": \"hi\", \"type\": \"uint64\", \"size\": 8}, {\"name\": \"lo\", \"type\": \"uint64\", \"size\": 8}",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn invalid_values_are_rejected_with_their_place() {
    let cases: [(usize, &[u8], &str, &str); 5] = [
        (4, &[0xff], "values.title.data", "text in UTF-8"),
        (18, &[0, 0, 0xd8, 0], "values.key", "a Unicode scalar value"),
        (18, &[0, 0x11, 0, 0], "values.key", "a Unicode scalar value"),
        (30, &[0x3b, 0x9a, 0xca, 0x00], "values.elapsed.nanos", "less than 1000000000 nanoseconds"),
        (12, &[0xff, 0xff, 0xff, 0xff], "values.region.data", "65536 bytes"),
    ];
    for (at, wrong, path, expected) in cases {
        let mut bytes = bytes();
        bytes[at..at + wrong.len()].copy_from_slice(wrong);
        let error = refused(Values::default(), &bytes);
        assert_eq!((error.path().as_str(), error.expected()), (path, expected), "{error}");
    }
}

#[test]
fn text_respects_its_limit() {
    #[derive(VmState, Default, Debug)]
    #[vmstate(name = "named")]
    struct Named {
        #[vmstate(with = Text<4>)]
        name: String,
    }

    assert_eq!(save(&mut Named { name: "abcd".to_owned() }), [0, 0, 0, 4, b'a', b'b', b'c', b'd']);
    let error = Named { name: "abcde".to_owned() }.save(&mut Writer::new()).unwrap_err();
    assert_eq!(error.to_string(), "field named.name: expected at most 4 bytes (max = 4), found 5");
    let error = refused(Named::default(), &[0, 0, 0, 5, b'a', b'b', b'c', b'd', b'e']);
    assert_eq!((error.path().as_str(), error.found(), error.offset()), ("named.name.len", "5", Some(0)));
}

#[derive(VmState, Debug, Clone, PartialEq)]
#[vmstate(name = "cart")]
struct Cart {
    #[vmstate(equal = "insert the same game")]
    hash: [u8; 32],
    #[vmstate(equal)]
    title: String,
    #[vmstate(equal)]
    mapper: u8,
    #[vmstate(equal)]
    battery: bool,
    ram: u8,
}

fn cart() -> Cart {
    Cart { hash: [7; 32], title: "Tetris".to_owned(), mapper: 4, battery: true, ram: 1 }
}

#[test]
fn equal_values_of_any_type_are_compared() {
    let bytes = save(&mut cart());
    assert_eq!(bytes.len(), 32 + 4 + 6 + 3);
    load(&mut cart(), &bytes, 1).unwrap();

    for (at, path, found) in [
        (0, "cart.hash", "0x06"),
        (31, "cart.hash", "0x0707"),
        (35, "cart.title", "0x0000000754657472"),
        (36, "cart.title", "0x00000006556574"),
        (42, "cart.mapper", "5 (0x5)"),
        (43, "cart.battery", "0x00"),
    ] {
        let mut other = bytes.clone();
        other[at] ^= 1;
        let error = refused(cart(), &other);
        assert_eq!(error.path(), path);
        assert!(error.found().starts_with(found), "{path}: {}", error.found());
    }
    let mut other = bytes.clone();
    other[0] = 0;
    let error = refused(cart(), &other);
    assert_eq!(error.advice(), Some("insert the same game"));
    assert!(error.expected().ends_with("07, the local value"), "{}", error.expected());
    for end in 0..bytes.len() {
        assert!(refused(cart(), &bytes[..end]).is_truncated(), "at {end}");
    }
}

#[test]
fn equal_integers_keep_the_infos_of_qemu() {
    let fields = Cart::DESCRIPTION.fields.iter();
    let kinds: Vec<_> = fields.map(|field| format!("{:?} {:?}", field.form.kind, field.form.count)).collect();
    assert_eq!(kinds[0], "Info(\"uint8 equal\") Fixed(32)");
    assert_eq!(kinds[2], "Info(\"uint8 equal\") One");
    assert_eq!(kinds[3], "Info(\"bool\") One");
}

prop_compose! {
    fn states()(
        (title, region, key) in (any::<String>(), any::<String>(), any::<char>()),
        elapsed in any::<Duration>(),
        (wide, deep, window, pair) in any::<(u128, i128, (u16, u16), (u8, bool))>(),
        nested in any::<[((u8, u16), i8); 2]>(),
        (named, last) in any::<((String, u8), u8)>(),
    ) -> Values {
        Values {
            title, key, elapsed, wide, deep, pair, nested, named, last,
            region: region.into(),
            window: window.0..window.1,
            ..Values::default()
        }
    }
}

/// Saves and loads a state.
fn check<T: VmState + Default + Debug + PartialEq + Clone>(state: &T) {
    let bytes = save(&mut state.clone());
    assert_eq!(&loaded(T::default(), &bytes), state);
}

proptest! {
    #[test]
    fn any_value_survives_the_wire(state in states()) {
        check(&state);
    }

    #[test]
    fn any_bytes_are_rejected_or_values(bytes in any_bytes()) {
        check_any_bytes(Values::default, &bytes);
    }
}
