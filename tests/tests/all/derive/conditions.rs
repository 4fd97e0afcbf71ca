//! Conditions between fields: `must_exist` on a field.

use vmstate::prelude::*;

use super::{loaded, refused, save};

#[derive(VmState, Default, Debug, PartialEq)]
#[vmstate(name = "ring")]
struct Ring {
    head: u8,
    count: u8,
    #[vmstate(len = count, must_exist("count fits", Self::count_fits), unused(before = 1))]
    items: [u16; 4],
    next: u8,
    #[vmstate(since = 1, must_exist("next is below head", |ring| ring.next < ring.head))]
    last: u8,
    #[vmstate(subsection("ring/more"), must_exist("last is even", Self::last_is_even))]
    more: Option<u8>,
    #[vmstate(count("nwords": u8), max = 2, must_exist("no words after nine", |ring, version| ring.last != 9 || version > 1))]
    #[vmstate(subsection("ring/words", needed = |ring| !ring.words.is_empty()))]
    words: Vec<u16>,
}

impl Ring {
    fn count_fits(&self) -> bool {
        usize::from(self.count) < self.items.len()
    }

    fn last_is_even(&self) -> bool {
        self.last.is_multiple_of(2)
    }
}

/// The condition is checked before the field and its count are read.
#[test]
fn must_exist_is_checked_in_place() {
    let ring = || Ring { head: 3, count: 1, items: [5, 0, 0, 0], next: 1, last: 2, more: Some(7), words: vec![8] };
    let more = b"\x05\x09ring/more\0\0\0\x01\x07\x05\x0aring/words\0\0\0\x01\x01\0\x08";
    let bytes = [&[3, 1, 0, 0, 5, 1, 2], &more[..]].concat();
    assert_eq!(save(&mut ring()), bytes);
    assert_eq!(loaded(Ring::default(), &bytes), ring());

    let qemu = |bytes: &[u8]| {
        let error = refused(Ring::default(), bytes);
        (error.qemu_message().unwrap_or_default().to_owned(), error.offset())
    };
    let failed = |text: &str, at| (format!("Input validation failed: {text} version_id: 1"), Some(at));
    // The stream ends after the count. Without the condition, it would be truncated.
    assert_eq!(qemu(&[3, 4]), failed("ring/count fits", 2));
    assert_eq!(qemu(&[3, 0, 0, 3]), failed("ring/next is below head", 4));
    assert_eq!(qemu(b"\x03\0\0\0\x03\x05\x09ring/more\0\0\0\x01"), failed("ring/more/last is even", 20));
    assert_eq!(qemu(b"\x03\0\0\0\x09\x05\x0aring/words\0\0\0\x01"), failed("ring/words/no words after nine", 21));

    let reason = |mut ring: Ring| ring.save(&mut Writer::new()).unwrap_err().reason().to_owned();
    assert_eq!(reason(Ring { count: 4, ..ring() }), "\"count fits\" does not hold");
    assert_eq!(reason(Ring { next: 3, ..ring() }), "\"next is below head\" does not hold");
    assert_eq!(reason(Ring { last: 3, ..ring() }), "\"last is even\" does not hold");
    assert_eq!(reason(Ring { last: 9, more: None, ..ring() }), "\"no words after nine\" does not hold");
}
