//! JSON values that keep the order of keys and repeated keys.

use std::borrow::Cow;

/// A JSON value without fractions, which descriptions do not contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Text.
    String(Cow<'a, str>),
    /// `[...]`.
    Array(Vec<Self>),
    /// `{...}`: keys in their order; a key may occur more than once.
    Object(Vec<(Cow<'a, str>, Self)>),
}

impl Json<'_> {
    /// Converts the value into an owned one.
    #[must_use]
    pub fn into_owned(self) -> Json<'static> {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(value),
            Self::Integer(value) => Json::Integer(value),
            Self::String(text) => Json::String(Cow::Owned(text.into_owned())),
            Self::Array(values) => Json::Array(values.into_iter().map(Json::into_owned).collect()),
            Self::Object(entries) => Json::Object(entries.into_iter().map(owned_entry).collect()),
        }
    }
}

fn owned_entry((key, value): (Cow<'_, str>, Json<'_>)) -> (Cow<'static, str>, Json<'static>) {
    (Cow::Owned(key.into_owned()), value.into_owned())
}
