//! The properties of a field that a stream shows.

use super::{TypeId, union};
use crate::dynamic::ScalarKind;
use crate::schema::vmdesc::Name;

/// A field on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::import) struct Field {
    /// Its name in the stream.
    pub(in crate::import) name: Name,
    pub(in crate::import) element: Element,
    pub(in crate::import) count: Count,
    /// The earlier field that counts the elements, if their number differs. `count` is the highest number then.
    pub(in crate::import) counter: Option<Name>,
    pub(in crate::import) seen: Seen,
    /// Its presence by version, which only a dump contains.
    pub(in crate::import) gate: Gate,
    /// The field that decides whether this one is present: it is not zero then. `None` if the field is always present.
    pub(in crate::import) condition: Option<Name>,
}

/// The versions that contain a field, according to a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::import) struct Gate {
    pub(in crate::import) since: u32,
    pub(in crate::import) conditional: bool,
}

/// The number of elements of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::import) enum Count {
    /// Not an array.
    One,
    /// An array, described by its first element.
    Len(u64),
    /// An array, described element by element.
    Each(u64),
}

impl Count {
    /// Returns the count of the longer one of two arrays with one kind of description.
    fn longest(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Len(one), Self::Len(other)) => Some(Self::Len(one.max(other))),
            (Self::Each(one), Self::Each(other)) => Some(Self::Each(one.max(other))),
            _ => None,
        }
    }

    pub(in crate::import) fn elements(self) -> u64 {
        match self {
            Self::One => 1,
            Self::Len(count) | Self::Each(count) => count,
        }
    }
}

/// The kind of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::import) enum Element {
    /// A value of fixed width, with the name of its info type.
    Scalar(ScalarKind, Name),
    Buffer(u64),
    /// Bytes that the field of this name counts.
    Sized(Name),
    Unused(u64),
    Bitmap(u64),
    ByteArray,
    Struct(TypeId),
    Versioned(TypeId),
    Temporary(TypeId),
    /// A `qtailq` or `qlist`. If it is empty, the type of its elements is unknown.
    List {
        qlist: bool,
        item: Option<TypeId>,
    },
    /// A `gtree`. Keys without a type are numbers.
    Tree {
        key: Option<TypeId>,
        value: Option<TypeId>,
    },
    /// A whole array of pointers: their target, and which of them are not null.
    Pointers {
        target: Target,
        valid: Vec<bool>,
    },
    /// Bytes of a custom info type.
    Opaque(Name, u64),
}

/// The target of pointers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::import) enum Target {
    Scalar(ScalarKind),
    Struct(TypeId),
    /// All pointers are null and described as pointers to structs.
    UnknownStruct,
}

/// The range of the values in the stream: of an integer's values, or of a container's lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::import) struct Seen {
    pub(in crate::import) least: i128,
    pub(in crate::import) greatest: i128,
}

impl Seen {
    pub(super) const NOTHING: Self = Self { least: i128::MAX, greatest: i128::MIN };

    pub(super) fn from_values(values: impl IntoIterator<Item = i128>) -> Self {
        values.into_iter().map(|value| Self { least: value, greatest: value }).fold(Self::NOTHING, Self::and)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), greatest: self.greatest.max(other.greatest) }
    }

    /// Returns the value if it is the same everywhere.
    pub(in crate::import) fn only(self) -> Option<i128> {
        (self.least == self.greatest).then_some(self.least)
    }
}

impl Field {
    pub(in crate::import) fn new(name: Name, element: Element, count: Count) -> Self {
        Self { name, element, count, counter: None, seen: Seen::NOTHING, gate: Gate::default(), condition: None }
    }

    /// Returns whether a load compares the value with the local one.
    pub(in crate::import) fn is_compared(&self) -> bool {
        matches!(&self.element, Element::Scalar(_, info) if info.ends_with(" equal") || info.ends_with(" le"))
    }

    /// Returns a local value with which all values in the stream can be loaded, if one exists.
    pub(in crate::import) fn local_value(&self) -> Option<i128> {
        match &self.element {
            Element::Scalar(_, info) if info.ends_with(" le") => (self.seen.least >= 0).then_some(self.seen.greatest),
            _ => self.seen.only(),
        }
    }

    /// Merges two fields if they can be one. The result has the condition of `self`, because [`merge`] compares them.
    fn merge(&self, other: &Self) -> Option<Self> {
        let same = (&self.name, &self.counter, self.gate) == (&other.name, &other.counter, other.gate);
        let count = match self.counter {
            Some(_) => self.count.longest(other.count)?,
            None => Some(self.count).filter(|count| *count == other.count)?,
        };
        let element = self.element.merge(&other.element).filter(|_| same)?;
        Some(Self { element, count, seen: self.seen.and(other.seen), ..self.clone() })
    }
}

/// Merges the fields of two structs, if one struct can have them all.
///
/// If a field is absent from one of them, the other's condition must explain that: the deciding field is zero where it
/// is absent, and not zero where it is present. Otherwise the merged struct would not write the same bytes.
pub(super) fn merge(old: &[Field], new: &[Field]) -> Option<Vec<Field>> {
    let names = |fields: &[Field]| fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
    let merged = union([names(old), names(new)].into_iter())?.into_iter().map(|name| {
        match (find(old, &name), find(new, &name)) {
            (Some(one), Some(other)) if one.condition == other.condition => one.merge(other),
            (Some(one), Some(other)) => match (&one.condition, &other.condition) {
                (Some(by), None) => one.merge(other).filter(|_| find(new, by).is_some_and(Field::is_never_zero)),
                (None, Some(by)) => other.merge(one).filter(|_| find(old, by).is_some_and(Field::is_never_zero)),
                _ => None,
            },
            (Some(only), None) => only.clone().absent_from(new),
            (None, Some(only)) => only.clone().absent_from(old),
            (None, None) => None,
        }
    });
    merged.collect()
}

fn find<'f>(fields: &'f [Field], name: &str) -> Option<&'f Field> {
    fields.iter().find(|field| *field.name == *name)
}

impl Field {
    /// Returns the field if its condition or its counter explains that it is absent from `others`.
    fn absent_from(self, others: &[Self]) -> Option<Self> {
        let by = self.condition.as_ref().or(self.counter.as_ref())?;
        find(others, by).is_some_and(|by| by.seen.only() == Some(0)).then_some(self)
    }

    fn is_never_zero(&self) -> bool {
        self.seen.least > 0 || self.seen.greatest < 0
    }
}

impl Element {
    pub(super) fn merge(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::List { qlist, item: None }, Self::List { qlist: same, .. }) if qlist == same => Some(other.clone()),
            (Self::List { qlist, .. }, Self::List { qlist: same, item: None }) if qlist == same => Some(self.clone()),
            (Self::Tree { value: None, .. }, Self::Tree { .. }) => Some(other.clone()),
            (Self::Tree { .. }, Self::Tree { value: None, .. }) => Some(self.clone()),
            _ => (self == other).then(|| self.clone()),
        }
    }
}
