//! Parses JSON values, with a bound on their number.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use vmstate_types::LoadError;

use super::{Json, MAX_VALUES, MIN_BYTES_PER_VALUE};

/// The number of JSON values that any text can have.
const FREE_VALUES: usize = 64;

impl<'a> Json<'a> {
    /// Parses `text`, which is at `offset` of the stream.
    pub(super) fn parse(text: &'a [u8], offset: u64) -> Result<Self, LoadError> {
        let limit = MAX_VALUES.min(FREE_VALUES + text.len() / MIN_BYTES_PER_VALUE);
        let mut parser = serde_json::Deserializer::from_slice(text);
        let parsed = Any { limit, left: &Cell::new(limit) }.deserialize(&mut parser);
        parsed.and_then(|json| parser.end().map(|()| json)).map_err(|error| {
            let place = offset.saturating_add(offset_in(text, error.line(), error.column()));
            LoadError::malformed("JSON text", error).at_offset(place)
        })
    }

    /// Describes the kind of value, for messages.
    pub(super) fn kind(&self) -> Cow<'static, str> {
        match self {
            Self::Null => "null".into(),
            Self::Bool(value) => value.to_string().into(),
            Self::Integer(value) => value.to_string().into(),
            Self::String(text) => format!("the text {text:?}").into(),
            Self::Array(_) => "an array".into(),
            Self::Object(_) => "an object".into(),
        }
    }
}

/// Converts a place from `serde_json`'s lines and columns, which count from 1, to an offset.
fn offset_in(text: &[u8], line: usize, column: usize) -> u64 {
    let before: usize = text.split_inclusive(|&byte| byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    before.saturating_add(column.saturating_sub(1)) as u64
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Any { limit: MAX_VALUES, left: &Cell::new(MAX_VALUES) }.deserialize(deserializer)
    }
}

/// Accepts any value, up to a total number of values. `serde_json` bounds the depth.
#[derive(Clone, Copy)]
struct Any<'c> {
    limit: usize,
    left: &'c Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Any<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| D::Error::custom(format!("more than {} values", self.limit)))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without fractions")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = from.next_element_seed(self)? {
            values.push(value);
        }
        // A vector of one value has the capacity of four, and a description can have a million short arrays.
        values.shrink_to_fit();
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json<'de>, A::Error> {
        let mut entries = Vec::new();
        while let Some(Key(key)) = from.next_key()? {
            entries.push((key, from.next_value_seed(self)?));
        }
        entries.shrink_to_fit();
        Ok(Json::Object(entries))
    }
}

/// A key, borrowed if it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyText)
    }
}

struct KeyText;

impl<'de> Visitor<'de> for KeyText {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(text.to_owned())))
    }
}
