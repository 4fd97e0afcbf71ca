//! The changes to pages: the encoder, compared with an encoder of words.

use std::hint::black_box;

use vmstate::ram::xbzrle::{Encoding, encode};

use crate::measure::{Way, compare, time};

const PAGE: usize = 4096;
/// The pages fit into the second-level cache, like a page that was just copied.
const PAGES: usize = 32;
const REPEATS: usize = 200;

/// Returns the length of the encoded changes.
type Encoder = fn(&[u8], &[u8], &mut [u8]) -> Option<usize>;
/// Returns whether the byte at this position of a page changes.
type Change = fn(usize) -> bool;

pub(crate) fn measure() {
    for (name, change) in PATTERNS {
        println!("  {name}");
        let old: Vec<u8> = (0..PAGES * PAGE).map(|index| (index * 7 % 251) as u8).collect();
        let mut new = old.clone();
        new.iter_mut().enumerate().filter(|(index, _)| change(index % PAGE)).for_each(|(_, byte)| *byte = !*byte);
        let pages = || old.chunks_exact(PAGE).zip(new.chunks_exact(PAGE));
        for (old, new) in pages() {
            let (mut ours, mut other) = ([0; PAGE], [0; PAGE]);
            let expected = by_words(old, new, &mut other).map(|length| &other[..length]);
            let found = match encode(old, new, &mut ours) {
                Encoding::Unchanged => Some(&[][..]),
                Encoding::Delta(delta) => Some(delta),
                Encoding::Overflow => None,
            };
            assert_eq!(found, expected);
        }
        let way = |name: &str, encode: Encoder| {
            let (old, new) = (&old, &new);
            Way::new(name, move || {
                let mut out = [0; PAGE];
                time(|| {
                    for _ in 0..REPEATS {
                        for (old, new) in old.chunks_exact(PAGE).zip(new.chunks_exact(PAGE)) {
                            black_box(encode(black_box(old), black_box(new), &mut out));
                        }
                    }
                })
            })
        };
        compare(
            REPEATS * PAGES * PAGE,
            21,
            vec![way("u64 by u64", by_words), way("vmstate::ram::xbzrle::encode", ours)],
        );
    }
}

/// The changes of a page, by the position of a byte.
const PATTERNS: [(&str, Change); 5] = [
    ("a counter: 2 bytes", |at| (1000..1002).contains(&at)),
    ("64 words of 8 bytes", |at| at % 64 < 8),
    ("128 short runs", |at| at % 32 < 2),
    ("one half", |at| at >= PAGE / 2),
    ("nothing", |_| false),
];

fn ours(old: &[u8], new: &[u8], out: &mut [u8]) -> Option<usize> {
    match encode(old, new, out) {
        Encoding::Unchanged => Some(0),
        Encoding::Delta(delta) => Some(delta.len()),
        Encoding::Overflow => None,
    }
}

/// An encoder that skips equal words at once, and compares the bytes of other words.
fn by_words(old: &[u8], new: &[u8], out: &mut [u8]) -> Option<usize> {
    let (mut at, mut length) = (0, 0);
    let word = |bytes: &[u8], at: usize| bytes[at..].first_chunk().map(|word| u64::from_ne_bytes(*word));
    while at < new.len() {
        let start = at;
        while at < new.len() && old[at] == new[at] {
            at += if at % 8 == 0 && word(old, at) == word(new, at) { 8 } else { 1 };
        }
        if at == new.len() {
            break;
        }
        length += leb(at - start, out.get_mut(length..length + 2)?);
        let start = at;
        while at < new.len() && old[at] != new[at] {
            at += 1;
        }
        length += leb(at - start, out.get_mut(length..length + 2)?);
        out.get_mut(length..length + at - start)?.copy_from_slice(&new[start..at]);
        length += at - start;
    }
    Some(length)
}

fn leb(run: usize, out: &mut [u8]) -> usize {
    out[0] = run as u8 & 0x7f;
    if run < 0x80 {
        return 1;
    }
    out[0] |= 0x80;
    out[1] = (run >> 7) as u8;
    2
}
