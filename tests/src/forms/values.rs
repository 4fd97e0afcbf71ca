//! Types with a form without an attribute.

use std::marker::PhantomData;
use std::ops::Range;
use std::time::Duration;

use vmstate::info::Text;
use vmstate::laws::Choices;

use super::{MAX, forms, letters, word};

fn number(choices: &mut Choices) -> u128 {
    u128::from(choices.next()) << 64 | u128::from(choices.next())
}

forms! {
    string: "types" "String",
        [] String,
        letters,
        "Gö".to_owned() => [0, 0, 0, 3, b'G', 0xc3, 0xb6],
        counts [[]];
    boxed_str: "types" "Box<str>",
        [] Box<str>,
        |choices| letters(choices).into(),
        "EU".into() => [0, 0, 0, 2, b'E', b'U'],
        counts [[]];
    text: "composed" "Text",
        [] #[vmstate(with = Text<MAX>)] String,
        letters,
        "Go".to_owned() => [0, 0, 0, 2, b'G', b'o'],
        counts [[]];
    text_in_box: "composed" "Text",
        [] #[vmstate(with = Text<MAX>)] Box<str>,
        |choices| letters(choices).into(),
        "Go".into() => [0, 0, 0, 2, b'G', b'o'],
        counts [[]];
    character: "types" "char",
        [] char,
        |choices| choices.byte().into(),
        'é' => [0, 0, 0, 0xe9],
        counts [];
    characters: "types" "char",
        [] [char; 2],
        |choices| [choices.byte().into(), 'b'],
        ['é', 'a'] => [0, 0, 0, 0xe9, 0, 0, 0, b'a'],
        counts [];
    unsigned: "types" "u128",
        [] u128,
        number,
        0x0102 << 112 | 3 => [1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3],
        counts [];
    signed: "types" "i128",
        [] [i128; 2],
        |choices| [number(choices).cast_signed(), -1],
        [2, -2] => [
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
            255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 254,
        ],
        counts [];
    tuple: "types" "(A, B)",
        [] (u8, bool),
        |choices| (choices.byte(), choices.flip()),
        (6, true) => [6, 1],
        counts [];
    tuples: "types" "(A, B)",
        [] [((u16,), i8); 2],
        |choices| [((word(choices),), 5), ((7,), -8)],
        [((1,), -1), ((3,), -2)] => [0, 1, 255, 0, 3, 254],
        counts [];
    long_tuple: "types" "(A, B)",
        [] (u8, u16, String, bool, char, u8),
        |choices| (1, word(choices), letters(choices), choices.flip(), 'a', choices.byte()),
        (1, 2, "c".to_owned(), true, 'd', 5) => [1, 0, 2, 0, 0, 0, 1, b'c', 1, 0, 0, 0, b'd', 5],
        counts [[1, 0, 2]];
    range: "types" "Range<T>",
        [] Range<u16>,
        |choices| word(choices)..word(choices),
        4..0x0506 => [0, 4, 5, 6],
        counts [];
    ranges: "types" "Range<T>",
        [] [Range<char>; 2],
        |choices| ['a'..char::from(choices.byte()), 'b'..'c'],
        ['a'..'b', 'c'..'d'] => [0, 0, 0, b'a', 0, 0, 0, b'b', 0, 0, 0, b'c', 0, 0, 0, b'd'],
        counts [];
    duration: "types" "Duration",
        [] Duration,
        |choices| Duration::new(choices.next(), choices.byte().into()),
        Duration::new(3, 7) => [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 7],
        counts [];
    durations: "types" "Duration",
        [] [Duration; 2],
        |choices| [Duration::from_nanos(choices.byte().into()), Duration::ZERO],
        [Duration::new(1, 2), Duration::new(3, 4)] => [
            0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4,
        ],
        counts [];
    nothing: "types" "()",
        [] (),
        |_| (),
        () => [],
        counts [];
    phantom: "types" "PhantomData<T>",
        [] [PhantomData<String>; 2],
        |_| [PhantomData; 2],
        [PhantomData; 2] => [],
        counts [];
    equal_array: "values" "equal",
        [] #[vmstate(equal)] [u8; 3],
        |_| [1, 2, 3],
        [1, 2, 3] => [1, 2, 3],
        counts [];
    equal_string: "values" "equal",
        [] #[vmstate(equal)] String,
        |_| "ab".to_owned(),
        "ab".to_owned() => [0, 0, 0, 2, b'a', b'b'],
        counts [[]];
    equal_tuple: "values" "equal",
        [] #[vmstate(equal)] (u8, char),
        |_| (1, 'a'),
        (1, 'a') => [1, 0, 0, 0, b'a'],
        counts [];
}
