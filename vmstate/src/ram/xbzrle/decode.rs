//! The decoder.

use std::ops::Range;

use vmstate_types::LoadError;

/// Applies the changes in `delta` to `page`.
///
/// # Errors
/// Returns an error, and leaves the page unchanged, if the changes are malformed or exceed the page.
/// (QEMU: `xbzrle_decode_buffer` in `migration/xbzrle.c`.)
pub fn decode(delta: &[u8], page: &mut [u8]) -> Result<(), LoadError> {
    check(delta, page.len())?;
    for (range, bytes) in Changes::new(delta, page.len()).flatten() {
        if let Some(part) = page.get_mut(range) {
            part.copy_from_slice(bytes);
        }
    }
    Ok(())
}

/// Checks all changes of a page of `size` bytes.
pub(in crate::ram) fn check(delta: &[u8], size: usize) -> Result<(), LoadError> {
    Changes::new(delta, size).try_for_each(|change| change.map(drop))
}

/// Iterates over the changed bytes and their positions, up to the first malformed change.
pub(in crate::ram) struct Changes<'d> {
    delta: &'d [u8],
    /// The position in `delta`.
    at: usize,
    /// The position in the page.
    position: usize,
    size: usize,
}

impl<'d> Changes<'d> {
    pub(in crate::ram) fn new(delta: &'d [u8], size: usize) -> Self {
        Self { delta, at: 0, position: 0, size }
    }

    fn change(&mut self) -> Result<(Range<usize>, &'d [u8]), LoadError> {
        let first = self.at == 0;
        let unchanged = self.run_length()?;
        if unchanged == 0 && !first {
            return Err(malformed("unchanged bytes between two changes", "none"));
        }
        let changed = self.run_length()?;
        let start = self.position + unchanged;
        let end = start + changed;
        if end > self.size {
            return Err(malformed(format!("changes to a page of {:#x} bytes", self.size), format!("{end:#x}")));
        }
        let bytes = self.delta.get(self.at..self.at + changed).filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or_else(|| {
            let left = self.delta.len() - self.at;
            malformed(format!("from 1 to {left} changed bytes"), changed.to_string())
        })?;
        (self.at, self.position) = (self.at + changed, end);
        Ok((start..end, bytes))
    }

    /// Reads a length of at most 14 bits.
    fn run_length(&mut self) -> Result<usize, LoadError> {
        match self.delta.get(self.at..).unwrap_or_default() {
            [low, ..] if *low < 0x80 => {
                self.at += 1;
                Ok(usize::from(*low))
            }
            [low, high, ..] if *high < 0x80 => {
                self.at += 2;
                Ok(usize::from(low & 0x7f) | (usize::from(*high) << 7))
            }
            [low, high, ..] => Err(malformed("a length of at most two bytes", format!("{low:#04x} {high:#04x}"))),
            _ => Err(malformed("a length", "the end of the changes")),
        }
    }
}

impl<'d> Iterator for Changes<'d> {
    type Item = Result<(Range<usize>, &'d [u8]), LoadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.delta.len() {
            return None;
        }
        let change = self.change();
        if change.is_err() {
            self.at = self.delta.len();
        }
        Some(change)
    }
}

fn malformed(expected: impl Into<String>, found: impl Into<String>) -> LoadError {
    LoadError::malformed(expected.into(), found.into()).with_qemu_message("Failed to load XBZRLE page - decode error!")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(delta: &[u8]) -> String {
        let mut page = [9; 16];
        let error = decode(delta, &mut page).unwrap_err();
        assert_eq!(page, [9; 16], "a malformed delta changes nothing");
        assert_eq!(error.qemu_message(), Some("Failed to load XBZRLE page - decode error!"));
        format!("{}, {}", error.expected(), error.found())
    }

    #[test]
    fn malformed_deltas_change_nothing() {
        assert_eq!(error(&[0]), "a length, the end of the changes");
        assert_eq!(error(&[0x80]), "a length, the end of the changes");
        assert_eq!(error(&[0x80, 0x80, 0]), "a length of at most two bytes, 0x80 0x80");
        assert_eq!(error(&[3, 0]), "from 1 to 0 changed bytes, 0");
        assert_eq!(error(&[3, 0, 7]), "from 1 to 1 changed bytes, 0");
        assert_eq!(error(&[3, 2, 7]), "from 1 to 1 changed bytes, 2");
        assert_eq!(error(&[0, 1, 7, 0, 1, 7]), "unchanged bytes between two changes, none");
        assert_eq!(error(&[0, 1, 7, 15, 1, 7]), "changes to a page of 0x10 bytes, 0x11");
        assert_eq!(error(&[0xff, 0x7f, 1, 7]), "changes to a page of 0x10 bytes, 0x4000");
    }

    #[test]
    fn malformed_change_is_the_last_one() {
        let changes: Vec<_> = Changes::new(&[0, 1, 7, 3, 0, 5], 16).take(9).map(Result::ok).collect();
        assert_eq!(changes, [Some((0..1, &[7][..])), None]);
    }

    #[test]
    fn changes_are_applied() {
        let mut page = [9; 16];
        decode(&[], &mut page).unwrap();
        assert_eq!(page, [9; 16]);
        decode(&[0, 1, 1, 14, 1, 2], &mut page).unwrap();
        assert_eq!(page, [1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 2]);
        decode(&[0x83, 0, 2, 3, 4], &mut page).unwrap();
        assert_eq!(page[2..6], [9, 3, 4, 9]);
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_result(delta in prop::collection::vec(any::<u8>(), 0..40), size in 0..300_usize) {
            let mut page = vec![0; size];
            let _ = decode(&delta, &mut page);
        }
    }
}
