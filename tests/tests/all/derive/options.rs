//! `option` and `option(always)`: a `bool`, and the value of an `Option`.

use vmstate::description::Kind;
use vmstate::prelude::*;
use vmstate::schema::Release;
use vmstate::walk;

use super::{described, load, loaded, refused, save};

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "point")]
struct Point {
    x: u8,
    #[vmstate(skip = "not migrated")]
    local: u8,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "dev", version = 2)]
struct Dev {
    #[vmstate(option)]
    number: Option<u16>,
    #[vmstate(option)]
    point: Option<Point>,
    #[vmstate(option(always))]
    fixed: Option<[Point; 2]>,
    #[vmstate(option, wire = u32)]
    size: Option<usize>,
    #[vmstate(option, timer)]
    deadline: Option<Option<u64>>,
    count: u8,
    #[vmstate(option, len = count, max = 4)]
    items: Option<Vec<u16>>,
    #[vmstate(option, list(max = 3))]
    list: Option<Vec<Point>>,
    #[vmstate(option, since = 2, default = Some(9))]
    added: Option<u8>,
    #[vmstate(option, name = "end")]
    renamed: Option<bool>,
}

fn full() -> Dev {
    Dev {
        number: Some(0x0102),
        point: Some(Point { x: 3, local: 0 }),
        fixed: Some([Point { x: 4, local: 0 }, Point { x: 5, local: 0 }]),
        size: Some(6),
        deadline: Some(Some(7)),
        count: 2,
        items: Some(vec![8, 9]),
        list: Some(vec![Point { x: 10, local: 0 }]),
        added: Some(11),
        renamed: Some(true),
    }
}

#[test]
fn present_values_follow_their_bool() {
    let bytes = save(&mut full());
    let expected = [
        &[1, 1, 2, 1, 3, 1, 4, 5, 1, 0, 0, 0, 6, 1, 0, 0, 0, 0, 0, 0, 0, 7, 2][..],
        &[1, 0, 8, 0, 9, 1, 1, 10, 0, 1, 11, 1, 1],
    ];
    assert_eq!(bytes, expected.concat());
    assert_eq!(loaded(Dev::default(), &bytes), full());
}

#[test]
fn absent_values_have_only_a_bool_unless_always() {
    let bytes = save(&mut Dev::default());
    assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(loaded(full(), &bytes), Dev::default());
}

#[test]
fn present_value_is_loaded_in_place() {
    let mut device = Dev { point: Some(Point { x: 1, local: 77 }), ..Dev::default() };
    load(&mut device, &save(&mut full()), 2).unwrap();
    assert_eq!(device.point, Some(Point { x: 3, local: 77 }));
}

#[test]
fn gates_apply_to_both_fields() {
    let mut old = Writer::new();
    walk::save(&mut full(), &mut old, 1).unwrap();
    let mut device = Dev::default();
    load(&mut device, old.pending(), 1).unwrap();
    assert_eq!(device, Dev { added: Some(9), ..full() });
}

#[test]
fn descriptions_have_both_fields() {
    let fields: Vec<_> = Dev::DESCRIPTION.fields.iter().map(|field| (field.name, field.conditional)).collect();
    assert_eq!(fields[..4], [("has_number", false), ("number", true), ("has_point", false), ("point", true)]);
    assert_eq!(fields[4..6], [("has_fixed", false), ("fixed", false)]);
    assert_eq!(fields.last(), Some(&("end", true)));
    assert_eq!(Dev::DESCRIPTION.fields[1].form.kind, Kind::Info("uint16"));
    let text = described(&mut Dev { number: Some(1), ..Dev::default() }, Release::Qemu10_0);
    assert!(text.contains(r#"{"name": "number", "type": "uint16", "size": 2}, {"name": "has_point""#), "{text}");
    assert!(!text.contains(r#""name": "point""#), "{text}");
}

#[test]
fn other_bytes_than_0_and_1_are_rejected() {
    let error = refused(Dev::default(), &[2]);
    assert_eq!(
        (error.path().as_str(), error.expected(), error.found()),
        ("dev.has_number", "0 (no value) or 1 (a value)", "2")
    );
    assert_eq!(error.offset(), Some(0));
}

#[test]
fn every_truncation_is_an_error() {
    for bytes in [save(&mut full()), save(&mut Dev::default())] {
        for end in 0..bytes.len() {
            let error = refused(Dev::default(), &bytes[..end]);
            assert!(error.is_truncated() && error.offset().is_some_and(|at| at <= end as u64), "at {end}: {error}");
        }
    }
}

#[test]
fn rollback_restores_both_states() {
    for (before, incoming) in [(full(), Dev::default()), (Dev::default(), full())] {
        let (mut device, mut checkpoint) = (before.clone(), Writer::new());
        walk::checkpoint(&mut device, &mut checkpoint).unwrap();
        load(&mut device, &save(&mut incoming.clone()), 2).unwrap();
        assert_eq!(device, incoming);
        walk::restore(&mut device, checkpoint.pending()).unwrap();
        assert_eq!(device, before);
    }
}

#[test]
fn count_of_an_optional_array_is_checked() {
    let mut bytes = save(&mut full());
    bytes[22] = 5;
    let error = refused(Dev::default(), &bytes);
    assert_eq!((error.path().as_str(), error.expected()), ("dev.items", "at most 4 (max = 4)"));
}

/// Macros pass types in invisible groups.
macro_rules! types {
    ($option:ident $inside:ty; $choice:ident $full:ty) => {
        #[derive(VmState, Debug, PartialEq)]
        struct $option {
            #[vmstate(option)]
            value: $inside,
        }

        #[derive(VmState, Debug, PartialEq)]
        #[vmstate(repr = u8)]
        enum $choice {
            Empty,
            Full($full),
        }
    };
}

types!(Inside Option<[u16; 40]>; Choice Box<[u8; 64]>);

#[test]
fn macros_may_write_options_and_variants() {
    let value = Some([5; 40]);
    let bytes = save(&mut Inside { value });
    assert_eq!((bytes.len(), bytes[..3].to_vec()), (81, vec![1, 0, 5]));
    assert_eq!(loaded(Inside { value: None }, &bytes), Inside { value });
    let full = [[1].as_slice(), &[7; 64]].concat();
    assert_eq!(loaded(Choice::Empty, &full), Choice::Full(Box::new([7; 64])));
}
