//! The pages that a guest has accessed after a restore, in a file next to the snapshot.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::snapshot::error::shown;
use crate::snapshot::{StoreError, StoreErrorKind};

/// The format of the file.
const FORMAT: u32 = 1;
/// The largest file in bytes.
pub(in crate::snapshot) const MAX_SIZE: u64 = 16 << 20;
/// The most ranges in a file, which fit into its largest size.
const MAX_RANGES: usize = MAX_SIZE as usize / 48;

/// The memory that a guest has accessed after restores: ranges of bytes of each RAM block, in the order of the first
/// accesses.
///
/// A file with it is next to a snapshot, and only a hint: ranges that the memory does not have are ignored.
///
/// ```
/// use vmstate::snapshot::WorkingSet;
///
/// let mut set = WorkingSet::default();
/// set.insert("ram", [0x1000..0x3000].into_iter());
/// let set = WorkingSet::parse(set.to_text().as_bytes())?;
/// assert!(set.ranges("ram", 0x2000, 0x1000).eq([0x1000..0x2000]));
/// # Ok::<(), vmstate::snapshot::StoreError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkingSet {
    format: u32,
    blocks: BTreeMap<String, Vec<(u64, u64)>>,
}

impl Default for WorkingSet {
    fn default() -> Self {
        Self { format: FORMAT, blocks: BTreeMap::new() }
    }
}

impl WorkingSet {
    /// Sets the ranges of a block, the first accessed ones first, as far as the file has room.
    pub fn insert(&mut self, idstr: &str, ranges: impl Iterator<Item = Range<u64>>) {
        let used: usize = self.blocks.values().map(Vec::len).sum();
        let ranges: Vec<_> = ranges
            .take(MAX_RANGES.saturating_sub(used))
            .map(|range| (range.start, range.end.saturating_sub(range.start)))
            .collect();
        if !ranges.is_empty() {
            self.blocks.insert(idstr.to_owned(), ranges);
        }
    }

    /// Returns the names of the blocks.
    pub fn blocks(&self) -> impl Iterator<Item = &str> {
        self.blocks.keys().map(String::as_str)
    }

    /// Returns the ranges of a block in the order of the first accesses, limited to its `size` and in whole host pages. Ends
    /// when they have as many bytes as the block, so that ranges that overlap cannot take longer than the whole block.
    pub fn ranges(&self, idstr: &str, size: u64, host_page_size: u64) -> impl Iterator<Item = Range<u64>> {
        let (ranges, page) = (self.blocks.get(idstr).into_iter().flatten(), host_page_size.max(1));
        let ranges = ranges.filter_map(move |(start, length)| {
            let end = start.saturating_add(*length).min(size);
            let range = start / page * page..end.checked_next_multiple_of(page)?;
            (range.start < range.end && range.end <= size).then_some(range)
        });
        let mut rest = size;
        ranges.map_while(move |range| {
            rest = rest.checked_sub(range.end - range.start)?;
            Some(range)
        })
    }

    /// Parses the file of a working set.
    ///
    /// # Errors
    /// Returns an error if the file has another format, or more than 16 MiB.
    pub fn parse(text: &[u8]) -> Result<Self, StoreError> {
        if text.len() as u64 > MAX_SIZE {
            return Err(invalid(&format!("expected at most {MAX_SIZE} bytes, found {}", text.len())));
        }
        let set: Self = serde_json::from_slice(text).map_err(|error| invalid(&error.to_string()))?;
        match set.format {
            FORMAT => Ok(set),
            other => Err(invalid(&format!("expected format {FORMAT}, found {other}; use a newer release"))),
        }
    }

    /// Returns the text of the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Texts and numbers can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn invalid(reason: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Damaged, format!("invalid working set: {}", shown(reason)))
}

#[cfg(test)]
mod tests {
    use std::iter::once;

    use super::*;

    #[test]
    fn ranges_are_kept_and_limited() {
        let mut set = WorkingSet::default();
        set.insert("ram", [0x1000..0x3000, 0x7000..0x8000].into_iter());
        set.insert("rom", std::iter::empty());
        let set = WorkingSet::parse(set.to_text().as_bytes()).unwrap();
        let ranges = |name, size, page| set.ranges(name, size, page).collect::<Vec<_>>();
        assert_eq!(ranges("ram", 0x10000, 0x1000), [0x1000..0x3000, 0x7000..0x8000]);
        assert_eq!(ranges("ram", 0x2000, 0x1000), Vec::from_iter(once(0x1000..0x2000)));
        assert_eq!(ranges("ram", 0x10000, 0x4000), [0..0x4000, 0x4000..0x8000]);
        assert_eq!(ranges("rom", 0x10000, 0x1000), []);
        assert_eq!(ranges("ram", u64::MAX, 1 << 63), Vec::from_iter(once(0..1 << 63)));
        assert_eq!(set.blocks().collect::<Vec<_>>(), ["ram"]);
    }

    #[test]
    fn overlapping_ranges_end_with_the_block() {
        let mut set = WorkingSet::default();
        set.insert("ram", [0x5000..0x6000, 0..0x4000].into_iter().cycle().take(100_000));
        assert_eq!(set.ranges("ram", 0x10000, 0x1000).count(), 7);
    }

    #[test]
    fn invalid_files_are_rejected() {
        let huge = " ".repeat(MAX_SIZE as usize) + "{}";
        for text in ["", "{}", "[]", r#"{"format":2,"blocks":{}}"#, r#"{"format":1,"blocks":{"a":[[-1,2]]}}"#, &huge] {
            WorkingSet::parse(text.as_bytes()).unwrap_err();
        }
        let extreme = format!(r#"{{"format":1,"blocks":{{"ram":[[{0},{0}],[5,{0}],[4096,0]]}}}}"#, u64::MAX);
        let set = WorkingSet::parse(extreme.as_bytes()).unwrap();
        assert_eq!(set.ranges("ram", 8192, 4096).collect::<Vec<_>>(), Vec::from_iter(once(0..8192)));
    }

    #[test]
    fn largest_set_fits_into_its_file() {
        let mut set = WorkingSet::default();
        let last = u64::MAX - 8 * MAX_RANGES as u64;
        set.insert("ram", (0..).map(|number| last + 4 * number..u64::MAX).take(2 * MAX_RANGES));
        set.insert("more", once(0..1));
        let text = set.to_text();
        assert!(WorkingSet::parse(text.as_bytes()).unwrap() == set);
        assert_eq!(set.ranges("more", 4096, 1).count(), 0);
    }
}
