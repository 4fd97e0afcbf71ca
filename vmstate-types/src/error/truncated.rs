//! Truncated streams: the field and the element in which the stream ends, and the number of missing bytes.

use alloc::format;

use super::load::Shortage;
use super::{LoadError, LoadErrorKind, plural};
use crate::description::{Count, Field, Form, Kind};

impl LoadError {
    /// Creates the error for an item at `offset` that has only `available` of its `needed` bytes.
    #[cold]
    #[must_use]
    pub fn truncated(offset: u64, needed: usize, available: usize) -> Self {
        Self::truncated_u64(offset, needed as u64, available as u64)
    }

    #[cold]
    pub(crate) fn truncated_u64(offset: u64, needed: u64, available: u64) -> Self {
        let found = format!("the end of the stream after {available}");
        let mut error = Self::new(LoadErrorKind::Truncated, plural(needed, "byte"), found).at_offset(offset);
        error.0.shortage = Some(Shortage { available, missing: needed.saturating_sub(available) });
        error
    }

    /// Returns how many bytes after the end of the input the truncated item needs at least.
    ///
    /// A decoder of buffered bytes waits for that many before it tries again. `None` unless the input is truncated.
    ///
    /// ```
    /// use vmstate_types::Reader;
    ///
    /// let mut reader = Reader::from_slice(&[0x51, 0x45, 0x56]);
    /// reader.u8()?;
    /// assert_eq!(reader.u32().unwrap_err().missing_bytes(), Some(2));
    /// # Ok::<(), vmstate_types::LoadError>(())
    /// ```
    #[must_use]
    pub fn missing_bytes(&self) -> Option<u64> {
        self.0.shortage.map(|shortage| shortage.missing)
    }

    /// Adds the field in which the stream ends, of a run of fixed-size `fields` that were read together.
    #[cold]
    #[must_use]
    pub fn in_run(self, fields: &[Field]) -> Self {
        let (Some(shortage), Some(start)) = (self.0.shortage, self.offset()) else { return self };
        let mut offset = 0;
        for field in fields {
            let size = field.form.total_size().unwrap_or(0) as u64;
            if offset + size > shortage.available {
                return Self::truncated_in(field, start + offset, shortage.available - offset).missing(shortage);
            }
            offset += size;
        }
        self
    }

    /// Adds the element in which the stream ends, of an array whose fixed-size elements, each of `form`, were read
    /// together from index `first` on.
    #[cold]
    #[must_use]
    pub fn in_array(self, form: &Form, first: usize) -> Self {
        let (Some(shortage), Some(start)) = (self.0.shortage, self.offset()) else { return self };
        let (index, error) = Self::truncated_among(form, start, shortage.available);
        error.missing(shortage).in_element(first.saturating_add(index))
    }

    /// Keeps the number of bytes that the whole run or array lacks, which its field or element replaces otherwise.
    fn missing(mut self, of_all: Shortage) -> Self {
        if let Some(shortage) = &mut self.0.shortage {
            shortage.missing = of_all.missing;
        }
        self
    }

    /// Creates the error for `field` at `start`, of which `available` bytes are present.
    fn truncated_in(field: &Field, start: u64, available: u64) -> Self {
        let (index, error) = Self::truncated_among(&field.form, start, available);
        match field.form.count {
            Count::One => error.in_field(field.name),
            _ => error.in_element(index).in_field(field.name),
        }
    }

    /// Creates the error for elements of `form`, of which `available` bytes are present, and returns it with the index
    /// of the incomplete element.
    fn truncated_among(form: &Form, start: u64, available: u64) -> (usize, Self) {
        let size = form.size.unwrap_or(0).max(1) as u64;
        let index = available / size;
        let error = Self::truncated_u64(start + index * size, size, available % size);
        let error = match form.kind {
            Kind::Struct(description) => error.in_run(description.fields),
            _ => error,
        };
        (usize::try_from(index).unwrap_or(usize::MAX), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        Field::new("first", Form::info("uint16", Some(2))),
        Field::new("second", Form::info("uint32", Some(4)).times(2)),
    ];

    #[test]
    fn truncated_run_names_field_and_element() {
        let error = LoadError::truncated(100, 10, 7).in_run(FIELDS);
        assert_eq!((error.path().as_str(), error.offset()), ("second[1]", Some(106)));
        assert_eq!((error.expected(), error.found()), ("4 bytes", "the end of the stream after 1"));
        assert_eq!((error.kind(), error.missing_bytes()), (LoadErrorKind::Truncated, Some(3)));
    }

    #[test]
    fn truncated_array_misses_bytes_of_all_elements() {
        let error = LoadError::truncated(100, 16, 5).in_array(&FIELDS[1].form, 2);
        assert_eq!((error.path().as_str(), error.offset()), ("[3]", Some(104)));
        assert_eq!(error.missing_bytes(), Some(11));
    }

    #[test]
    fn other_errors_have_no_missing_bytes() {
        let error = LoadError::malformed("1", 2).in_run(FIELDS);
        assert_eq!((error.missing_bytes(), error.is_truncated()), (None, false));
    }
}
