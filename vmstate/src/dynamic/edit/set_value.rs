//! Sets values in a section, and the section's name.

use vmstate_types::{Reader, Writer};

use super::super::{DecodedField, DecodedSection, DecodedStruct, DecodedValue, FoundItem};
use super::Rejection;
use super::parse_value;
use crate::dynamic::counter::is_counter;

/// The longest name of a section: its length is one byte on the wire.
const MAX_NAME: usize = 255;

impl DecodedSection {
    /// Sets the value at `path` to `text` (see [`Edits::set`](super::Edits::set)), and returns the old and the new
    /// value as text, or `None` if the path leads to no value.
    ///
    /// # Errors
    /// Returns an error if the value does not fit, or seems to be the counter of an array, whose length an edit cannot
    /// change.
    pub fn set(&mut self, path: &str, text: &str) -> Result<Option<(String, String)>, Rejection> {
        self.set_with(path, text, false)
    }

    /// Like [`set`](Self::set). With `force`, counters can be set as well.
    pub(super) fn set_with(
        &mut self,
        path: &str,
        text: &str,
        force: bool,
    ) -> Result<Option<(String, String)>, Rejection> {
        let Some(found) = self.get(path) else { return Ok(None) };
        if found.type_name == "unused_buffer" {
            return Err(Rejection::because("a value", "unused bytes, which are zero"));
        }
        if let (FoundItem::Scalar(number), false) = (found.item, force)
            && let Some(counted) = self.counted_by(found.offset, found.size, number.integer())
        {
            return Err(Rejection::because(
                "a value without effect on the layout",
                format!("the counter of `{counted}`, which has {} elements", number.integer()),
            )
            .or_advice("to set it anyway, use `--allow-counts`"));
        }
        let bytes = match found.item {
            FoundItem::Scalar(old) => parse_value::scalar(old.kind, text)?,
            FoundItem::Value(old) => parse_value::whole(old, text)?,
            FoundItem::Struct(_) => {
                return Err(Rejection::because("one value, or an array of them", "a struct")
                    .or_advice("set its fields one by one"));
            }
        };
        let (old, offset) = (found.item.to_string(), found.offset);
        self.patch(offset, &bytes)?;
        let new = self.get(path).map_or_else(String::new, |found| found.item.to_string());
        Ok(Some((old, new)))
    }

    /// Replaces the bytes at `offset` of the stream by the same number of bytes, so no other value moves.
    ///
    /// The section is encoded, changed and decoded again, because a value can have many representations here and only
    /// one on the wire.
    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Rejection> {
        let changed = self.patched(offset, bytes);
        *self = changed.ok_or_else(|| Rejection::because("a decodable value", "another one"))?;
        Ok(())
    }

    fn patched(&self, offset: u64, bytes: &[u8]) -> Option<Self> {
        let mut out = Writer::new();
        self.encode(&mut out);
        let mut payload = out.take();
        let start = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        payload.get_mut(start..start.checked_add(bytes.len())?)?.copy_from_slice(bytes);
        let end = self.offset.checked_add(payload.len() as u64)?;
        let mut reader = Reader::from_slice_at(&payload, self.offset);
        Self::decode(&self.describe()?, &mut reader, Some(end)).ok()
    }

    /// Returns the name of the field whose elements or bytes the integer at `offset` seems to count.
    fn counted_by(&self, offset: u64, size: u64, count: i128) -> Option<String> {
        let mut counted = None;
        let mut copy = self.clone();
        copy.visit(&mut |visited| counted = counted.take().or_else(|| counted_in(visited.state, offset, size, count)));
        counted
    }

    /// Renames the section, and returns the old name.
    ///
    /// # Errors
    /// Returns an error if the name cannot be written to a stream.
    pub fn rename(&mut self, name: &str) -> Result<String, Rejection> {
        let fits = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !fits {
            let expected = format!("a name of 1 to {MAX_NAME} printable ASCII characters");
            return Err(Rejection::because(expected, format!("{} bytes", name.len())));
        }
        Ok(String::from(&*std::mem::replace(&mut self.name, name.into())))
    }
}

/// Returns the name of the field that the integer at `offset` seems to count, if both are fields of `state`.
fn counted_in(state: &DecodedStruct, offset: u64, size: u64, count: i128) -> Option<String> {
    let is_it = |field: &DecodedField| {
        field.offset == offset && field.size == size && matches!(field.value, DecodedValue::Scalar(_))
    };
    let place = state.fields.iter().position(is_it)?;
    let (before, after) = state.fields.split_at(place + 1);
    if !before.last().is_some_and(|counter| is_counter(&counter.name)) {
        return None;
    }
    let mut arrays = after.chunk_by(|one, next| one.name == next.name);
    let counted = arrays.find(|entries| count > 1 && length(entries) == count)?;
    counted.first().map(|field| String::from(&*field.name))
}

/// Returns the number of elements of an array, or of bytes of a buffer.
fn length(entries: &[DecodedField]) -> i128 {
    let of_one = |field: &DecodedField| match &field.value {
        DecodedValue::Bytes(bytes) if entries.len() == 1 => bytes.len() as u64,
        DecodedValue::Bitmap(words) => 64 * words.len() as u64,
        value => value.count(),
    };
    entries.iter().map(of_one).map(i128::from).sum()
}
