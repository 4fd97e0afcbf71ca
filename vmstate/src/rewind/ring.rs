//! A ring of records in a fixed amount of memory: the oldest ones make room for new ones.

/// The bytes of a record's length, which is stored before and after it.
const LENGTH: usize = size_of::<u32>();

/// Records that are added and removed at one end, and dropped at the other end.
pub(super) struct Ring {
    bytes: Box<[u8]>,
    /// The index of the oldest byte.
    start: usize,
    /// The number of bytes in use.
    used: usize,
    /// The number of records.
    records: usize,
}

impl Ring {
    /// Creates an empty ring of `capacity` bytes.
    pub(super) fn new(capacity: usize) -> Self {
        Self { bytes: vec![0; capacity].into_boxed_slice(), start: 0, used: 0, records: 0 }
    }

    /// Returns the number of records.
    pub(super) fn len(&self) -> usize {
        self.records
    }

    /// Returns the size of the ring in bytes.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the number of bytes that the records use.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// Drops all records.
    pub(super) fn clear(&mut self) {
        (self.start, self.used, self.records) = (0, 0, 0);
    }

    /// Adds a record, and drops the oldest records until there is room. A record that is larger than the ring
    /// leaves the ring empty: records are differences, and a gap makes the older ones useless.
    pub(super) fn push(&mut self, record: &[u8]) {
        let (Ok(length), Some(size)) = (u32::try_from(record.len()), record.len().checked_add(2 * LENGTH)) else {
            return self.clear();
        };
        if size > self.bytes.len() {
            return self.clear();
        }
        while self.bytes.len() - self.used < size {
            self.drop_oldest();
        }
        let length = length.to_le_bytes();
        for part in [&length, record, &length] {
            self.write(part);
        }
        self.records += 1;
    }

    /// Removes the newest record and copies it to `into`. Returns whether there was one.
    pub(super) fn pop(&mut self, into: &mut Vec<u8>) -> bool {
        let Some(after) = self.used.checked_sub(LENGTH).filter(|_| self.records > 0) else { return false };
        let length = self.length_at(after);
        let Some(begin) = after.checked_sub(length) else { return false };
        into.clear();
        into.resize(length, 0);
        self.read(begin, into);
        self.used = begin.saturating_sub(LENGTH);
        self.records -= 1;
        true
    }

    fn drop_oldest(&mut self) {
        let size = self.length_at(0) + 2 * LENGTH;
        self.start = self.index(size);
        self.used = self.used.saturating_sub(size);
        self.records = self.records.saturating_sub(1);
    }

    /// Returns the length that is stored at `offset` from the oldest byte.
    fn length_at(&self, offset: usize) -> usize {
        let mut length = [0; LENGTH];
        self.read(offset, &mut length);
        usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX)
    }

    /// Returns the index of the byte at `offset` from the oldest one.
    fn index(&self, offset: usize) -> usize {
        (self.start + offset) % self.bytes.len()
    }

    /// Appends bytes, for which there is room.
    fn write(&mut self, from: &[u8]) {
        let at = self.index(self.used);
        let (front, rest) = from.split_at(from.len().min(self.bytes.len() - at));
        self.bytes[at..at + front.len()].copy_from_slice(front);
        self.bytes[..rest.len()].copy_from_slice(rest);
        self.used += from.len();
    }

    /// Copies the bytes from `offset` on.
    fn read(&self, offset: usize, into: &mut [u8]) {
        let at = self.index(offset);
        let (front, rest) = into.split_at_mut(into.len().min(self.bytes.len() - at));
        front.copy_from_slice(&self.bytes[at..at + front.len()]);
        rest.copy_from_slice(&self.bytes[..rest.len()]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn oldest_records_make_room() {
        let mut ring = Ring::new(30);
        for record in [&[1][..], &[2, 2], &[3, 3, 3], &[4; 20], &[5]] {
            ring.push(record);
        }
        let mut record = Vec::new();
        assert_eq!(ring.len(), 1, "the fourth record needs 28 bytes of 30");
        assert!(ring.pop(&mut record));
        assert_eq!((&record[..], ring.len()), (&[5][..], 0));
        assert!(!ring.pop(&mut record));
    }

    #[test]
    fn record_without_room_empties_the_ring() {
        let mut ring = Ring::new(16);
        ring.push(&[1]);
        ring.push(&[0; 9]);
        assert_eq!(ring.len(), 0);
        let mut none = Ring::new(0);
        none.push(&[]);
        assert!(!none.pop(&mut Vec::new()));
    }

    proptest! {
        /// Compares the ring with a vector of records that are dropped when their total size is too large.
        #[test]
        fn ring_keeps_the_newest_records(
            capacity in 0_usize..64,
            steps in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..24)), 0..64),
        ) {
            let mut ring = Ring::new(capacity);
            let mut model: Vec<Vec<u8>> = Vec::new();
            let size = |records: &[Vec<u8>]| records.iter().map(|record| record.len() + 8).sum::<usize>();
            for step in steps {
                match step {
                    Some(record) => {
                        ring.push(&record);
                        model.push(record);
                        while size(&model) > capacity {
                            model.remove(0);
                        }
                    }
                    None => {
                        let mut record = Vec::new();
                        let popped = ring.pop(&mut record).then_some(record);
                        prop_assert_eq!(popped, model.pop());
                    }
                }
                prop_assert_eq!(ring.len(), model.len());
            }
        }
    }
}
