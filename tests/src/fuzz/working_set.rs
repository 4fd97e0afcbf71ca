//! Files of working sets, which are next to snapshots.

use vmstate::snapshot::{StoreErrorKind, WorkingSet};

use super::Target;

/// The target.
pub const TARGET: Target = Target { name: "working_set", run, seeds, fixed: 1 << 20, per_byte: 64 };

/// Two bytes select the size of a block and of its host pages. The others are the file.
fn run(bytes: &[u8]) {
    let Some((&[size, page], text)) = bytes.split_first_chunk() else { return };
    let page_size = 1_u64 << (page % 64);
    let sizes = [page_size << (size % 32), u64::MAX >> (size % 64), u64::MAX / page_size * page_size];
    match WorkingSet::parse(text) {
        Ok(set) => {
            understood(&set);
            sizes.iter().for_each(|size| check_ranges(&set, *size, page_size));
        }
        Err(error) => {
            assert_eq!(error.kind(), StoreErrorKind::Damaged);
            let text = error.to_string();
            assert!(text.len() < 2048 && !text.contains(char::is_control), "{text}");
        }
    }
}

/// The set can be written, and parsing the text returns the same set.
fn understood(set: &WorkingSet) {
    let text = set.to_text();
    let again = WorkingSet::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(again == *set && again.to_text() == text, "{text}");
}

/// All ranges are whole pages of the block. Setting them again changes nothing.
fn check_ranges(set: &WorkingSet, size: u64, page_size: u64) {
    let mut limited = WorkingSet::default();
    for name in set.blocks() {
        for range in set.ranges(name, size, page_size) {
            assert!(range.start < range.end && range.end <= size, "{range:?}");
            assert!(range.start % page_size == 0 && range.end % page_size == 0, "{range:?}");
        }
        limited.insert(name, set.ranges(name, size, page_size));
    }
    for name in set.blocks() {
        assert!(limited.ranges(name, size, page_size).eq(set.ranges(name, size, page_size)), "{name}");
    }
    assert_eq!(set.ranges("a block that does not exist", size, page_size).count(), 0);
}

fn seeds() -> Vec<Vec<u8>> {
    let mut set = WorkingSet::default();
    set.insert("ram", [0x1000..0x3000, 0x7000..0x8000, 0x10_0000..0x20_0000].into_iter());
    set.insert("/rom@etc/acpi/tables", std::iter::once(0..0x1000));
    let text = set.to_text();
    [[12, 12], [0, 63], [31, 21]].map(|sizes| [&sizes[..], text.as_bytes()].concat()).into()
}
