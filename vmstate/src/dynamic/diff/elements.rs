//! Arrays of values of a fixed width, element by element.

use std::borrow::Cow;
use std::ops::Range;

use super::super::{Scalar, ScalarKind, Scalars};

/// Elements of an array that differ, or that only one side has.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ElementDifferences<'a> {
    /// The old array.
    pub old: ElementArray<'a>,
    /// The new array.
    pub new: ElementArray<'a>,
    /// The indices of elements that differ or that only one side has, in ascending order.
    pub changed: Vec<Range<u64>>,
}

/// An array of values of a fixed width: integers, the bytes of a buffer, the bits of a bitmap.
#[derive(Debug, Clone, PartialEq)]
pub struct ElementArray<'a> {
    /// The info type of the field.
    pub type_name: &'a str,
    /// The offset in the stream at which its first element was read.
    pub offset: u64,
    /// Runs that do not overlap, in ascending order of their indices.
    runs: Vec<Run<'a>>,
}

/// Elements with consecutive indices.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run<'a> {
    first: u64,
    values: Values<'a>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values<'a> {
    One(Scalar),
    Scalars(&'a Scalars),
    Bytes(Cow<'a, [u8]>),
    Bits(&'a [u64]),
}

impl<'a> ElementDifferences<'a> {
    /// Compares two arrays. Returns `None` if they are equal.
    pub(super) fn compare(old: ElementArray<'a>, new: ElementArray<'a>) -> Option<Self> {
        let mut changed = Vec::new();
        for range in segments(old.ranges(), new.ranges()) {
            match (old.run_at(range.start), new.run_at(range.start)) {
                (Some(old), Some(new)) => old.compare(new, range, &mut changed),
                (None, None) => {}
                _ => push(&mut changed, range),
            }
        }
        (!changed.is_empty()).then_some(Self { old, new, changed })
    }

    /// Returns the number of elements in [`changed`](Self::changed).
    #[must_use]
    pub fn count(&self) -> u64 {
        self.changed.iter().map(|range| range.end - range.start).fold(0, u64::saturating_add)
    }

    /// Iterates over the differing elements, with their indices; `None` if a side lacks the element.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Option<Scalar>, Option<Scalar>)> {
        self.changed.iter().cloned().flatten().map(|index| (index, self.old.get(index), self.new.get(index)))
    }

    /// Keeps only differences of the elements at `indices`, which must ascend. Returns `None` if nothing remains.
    #[must_use]
    pub fn only(mut self, indices: &[u64]) -> Option<Self> {
        let is_changed = |index: &u64| self.changed.iter().any(|range| range.contains(index));
        let mut changed = Vec::new();
        indices.iter().filter(|index| is_changed(index)).for_each(|&index| push(&mut changed, index..index + 1));
        self.changed = changed;
        (!self.changed.is_empty()).then_some(self)
    }
}

impl<'a> ElementArray<'a> {
    pub(super) fn new(type_name: &'a str, offset: u64) -> Self {
        Self { type_name, offset, runs: Vec::new() }
    }

    /// Creates a sequence from bytes that are not fields, or from a whole buffer.
    pub(super) fn from_values(type_name: &'a str, offset: u64, values: Values<'a>) -> Self {
        Self { type_name, offset, runs: vec![Run { first: 0, values }] }
    }

    /// Adds elements after all others.
    pub(super) fn push(&mut self, first: u64, values: Values<'a>) {
        self.runs.push(Run { first, values });
    }

    /// Returns the number of elements.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.runs.iter().map(|run| run.values.len()).fold(0, u64::saturating_add)
    }

    /// Returns whether the sequence is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the element at `index`.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<Scalar> {
        self.run_at(index)?.get(index)
    }

    fn run_at(&self, index: u64) -> Option<&Run<'a>> {
        let after = self.runs.partition_point(|run| run.first <= index);
        self.runs.get(after.checked_sub(1)?).filter(|run| run.range().contains(&index))
    }

    fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        self.runs.iter().map(Run::range)
    }
}

impl<'a> Run<'a> {
    fn range(&self) -> Range<u64> {
        self.first..self.first.saturating_add(self.values.len())
    }

    fn get(&self, index: u64) -> Option<Scalar> {
        self.values.get(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }

    /// Compares the elements in `range`, which both have.
    fn compare(&self, other: &Self, range: Range<u64>, changed: &mut Vec<Range<u64>>) {
        if self == other {
            return;
        }
        for index in range {
            if self.get(index) != other.get(index) {
                push(changed, index..index.saturating_add(1));
            }
        }
    }
}

impl Values<'_> {
    fn len(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Scalars(values) => values.len() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Bits(words) => 64 * words.len() as u64,
        }
    }

    fn get(&self, index: usize) -> Option<Scalar> {
        match self {
            Self::One(value) => (index == 0).then_some(*value),
            Self::Scalars(values) => values.get(index),
            Self::Bytes(bytes) => Some(Scalar::new(ScalarKind::Uint8, (*bytes.get(index)?).into())),
            Self::Bits(words) => Some(Scalar::new(ScalarKind::Bool, words.get(index / 64)? >> (index % 64) & 1)),
        }
    }
}

/// Splits the ranges of both sides at each other's ends. Each result lies in at most one range of each side.
pub(super) fn segments(
    old: impl Iterator<Item = Range<u64>>,
    new: impl Iterator<Item = Range<u64>>,
) -> impl Iterator<Item = Range<u64>> {
    let mut cuts: Vec<_> = old.chain(new).flat_map(|range| [range.start, range.end]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let ends = cuts.clone();
    cuts.into_iter().zip(ends.into_iter().skip(1)).map(|(start, end)| start..end)
}

/// Adds a range after all others, merged with the last one if they touch.
pub(super) fn push(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}
