//! The memory of a load of each form of `vmstate_tests::forms` whose counts are forged.

use std::fmt::Debug;

use vmstate::machine::LoadOptions;
use vmstate::prelude::*;
use vmstate::stream::SectionHeader;
use vmstate_tests::forms::{Form, Property, check};

use super::{FIXED, PER_BYTE, header, load};

/// A count below the limit that no stream of this test contains.
const MANY: [u8; 4] = [0x3f, 0xff, 0xff, 0xff];

/// The bytes after the count: items that are equal, or that differ in 4 or 8 bytes.
const ITEMS: [fn(usize) -> u8; 5] = [
    |_| 0,
    |_| 1,
    |_| b'a',
    |place| (place / 4).to_be_bytes()[4 + place % 4],
    |place| (place / 8).to_be_bytes()[place % 8],
];

const LENGTHS: [usize; 4] = [200, 3_000, 70_000, 1 << 20];

struct Memory;

impl Property for Memory {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        for before in &form.counts {
            let mut start = Writer::new();
            header(&mut start).begin_section(&SectionHeader::full(1, "form", 0, T::DESCRIPTION.version));
            start.bytes(before);
            start.bytes(&MANY);
            let run = |item: &fn(usize) -> u8, length: usize| {
                let mut machine = Machine::new();
                machine.register("form", form.fresh()).unwrap();
                let more = PER_BYTE * (form.times - 1) * length as u64;
                load(&mut machine, LoadOptions::new(), start.pending(), item, length, FIXED + more).unwrap_err()
            };
            // Each form accepts at least one kind of items up to the end of the longest stream. A value that must be
            // equal is compared as soon as it is longer.
            let errors = ITEMS.map(|item| LENGTHS.map(|length| run(&item, length)));
            let end = if form.heading == "equal" { "the local value" } else { "the end of the stream" };
            let accepted = errors.iter().any(|[.., longest]| longest.contains(end));
            assert!(accepted, "after {before:?}: {errors:?}");
        }
    }
}

#[test]
fn forged_counts_of_all_forms_allocate_nothing() {
    check(&Memory);
}
