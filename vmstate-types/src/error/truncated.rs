//! Where a stream ended too early: in which field, and in which element.

use alloc::format;

use super::{LoadError, plural};
use crate::description::{Count, Field, Form, Kind};

impl LoadError {
    /// The stream ended after `available` of the `needed` bytes that begin at `offset`.
    #[cold]
    #[must_use]
    pub fn truncated(offset: u64, needed: usize, available: usize) -> Self {
        Self::truncated_u64(offset, needed as u64, available as u64)
    }

    #[cold]
    pub(crate) fn truncated_u64(offset: u64, needed: u64, available: u64) -> Self {
        let mut error = Self::malformed(plural(needed, "byte"), format!("the end of the stream after {available}"));
        error.0.available = Some(available);
        error.0.offset = Some(offset);
        error
    }

    /// Names the field, of a run of fixed-size ones that were claimed together, in which the stream ended.
    #[cold]
    #[must_use]
    pub fn in_run(self, fields: &[Field]) -> Self {
        let (Some(available), Some(start)) = (self.0.available, self.0.offset) else { return self };
        let mut offset = 0;
        for field in fields {
            let size = field.form.total_size().unwrap_or(0) as u64;
            if offset + size > available {
                return Self::truncated_in(field, start + offset, available - offset);
            }
            offset += size;
        }
        self
    }

    /// Names the element, of an array of fixed-size elements like those of `form` that were claimed together from number
    /// `first` on, in which the stream ended.
    #[cold]
    #[must_use]
    pub fn in_array(self, form: &Form, first: usize) -> Self {
        let (Some(available), Some(start)) = (self.0.available, self.0.offset) else { return self };
        let (index, error) = Self::truncated_among(form, start, available);
        error.in_element(first.saturating_add(index))
    }

    /// The stream ended after `available` bytes of `field`, which begins at `start`.
    fn truncated_in(field: &Field, start: u64, available: u64) -> Self {
        let (index, error) = Self::truncated_among(&field.form, start, available);
        match field.form.count {
            Count::One => error.in_field(field.name),
            _ => error.in_element(index).in_field(field.name),
        }
    }

    /// The stream ended after `available` bytes of elements like those of `form`: the element's index, and the error.
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
