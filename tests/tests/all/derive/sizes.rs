//! `As`, `Ends` and `Boxed` in composed forms: sizes, ranges and boxes.

use std::ops::{Range, RangeInclusive};

use vmstate::info::array::{Boxed, Each};
use vmstate::info::{As, Ends, Maybe, Pair, Sequence};
use vmstate::laws::Laws;
use vmstate::prelude::*;

use super::{check_truncation, loaded, refused, save};

#[derive(VmState, Clone, Debug, PartialEq)]
#[vmstate(name = "sizes")]
struct Sizes {
    #[vmstate(with = Ends<As<u16>>)]
    range: Range<usize>,
    #[vmstate(with = Ends)]
    inclusive: RangeInclusive<u8>,
    #[vmstate(with = Sequence<4, As<u8>>)]
    list: Vec<usize>,
    #[vmstate(with = Sequence<2, Ends<As<u8>>>)]
    ranges: Vec<Range<usize>>,
    #[vmstate(with = Boxed<Each<As<u8>>>)]
    boxed: Box<[usize; 2]>,
    #[vmstate(with = Maybe<Pair<As<u8>, As<i16>>>)]
    pair: Option<(usize, isize)>,
    #[vmstate(with = Each<Each<As<u8>>>)]
    grid: [[bool; 2]; 2],
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            range: 0..0,
            inclusive: 0..=0,
            list: vec![],
            ranges: vec![],
            boxed: Box::default(),
            pair: None,
            grid: [[false; 2]; 2],
        }
    }
}

fn sizes() -> Sizes {
    Sizes {
        range: 1..0x0203,
        inclusive: 3..=4,
        list: vec![5, 6],
        ranges: vec![7..8, 0..1],
        boxed: Box::new([9, 10]),
        pair: Some((11, -2)),
        grid: [[true, false], [false, true]],
    }
}

#[test]
fn forms_of_sizes_have_hand_written_bytes() {
    let bytes = [
        &[0, 1, 2, 3, 3, 4][..],
        &[0, 0, 0, 2, 5, 6],
        &[0, 0, 0, 2, 7, 8, 0, 1],
        &[9, 10, 1, 11, 0xff, 0xfe],
        &[1, 0, 0, 1],
    ]
    .concat();
    assert_eq!(save(&mut sizes()), bytes);
    assert_eq!(loaded(Sizes::default(), &bytes), sizes());
    check_truncation::<Sizes>(&bytes, 1);
    let laws = Laws::new(|_| sizes());
    laws.round_trip();
    laws.corruption();
    laws.every_field_is_saved();
}

#[test]
fn sizes_that_do_not_fit_are_rejected() {
    let mut writer = Writer::new();
    let error = Sizes { range: 0..0x1_0000, ..sizes() }.save(&mut writer).unwrap_err();
    assert_eq!(error.path(), "sizes.range.end");
    let error = Sizes { ranges: vec![0..256, 0..1], ..sizes() }.save(&mut writer).unwrap_err();
    assert_eq!(error.path(), "sizes.ranges.items[0].end");
    let mut bytes = save(&mut sizes());
    *bytes.last_mut().unwrap() = 2;
    let error = refused(Sizes::default(), &bytes);
    assert_eq!((error.path().as_str(), error.found()), ("sizes.grid[1][1]", "2"));
}

#[test]
fn iterator_at_its_end_is_rejected() {
    let mut inclusive = 3..=3;
    assert_eq!(inclusive.next(), Some(3));
    let error = Sizes { inclusive, ..sizes() }.save(&mut Writer::new()).unwrap_err();
    assert_eq!(error.path(), "sizes.inclusive");
    // An empty range that was never an iterator has a wire form.
    #[expect(clippy::reversed_empty_ranges)]
    let empty = Sizes { inclusive: 4..=3, ..sizes() };
    assert_eq!(loaded(Sizes::default(), &save(&mut empty.clone())), empty);
}
