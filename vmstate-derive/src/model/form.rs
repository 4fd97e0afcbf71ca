//! The wire form of a field, which its type or an attribute chooses.
//!
//! Each form is a type; its code is in the file of the same name in `expand/form`.

use syn::{Expr, LitInt, Member, Type};

use super::info::{Info, InfoKind};
use super::place::Place;
use super::ty::{bits_field, is_plain, option_inner};
use crate::parse::{self, Count, Function, HiddenCount};

/// A wire form.
pub(crate) enum Form {
    Typed(Typed),
    Info(Info),
    Counted(Counted),
    LengthPrefix(LengthPrefix),
    Prefixed(Prefixed),
    Bits(Bits),
    Part(Part),
    Pointers(Pointers),
    Bitmap(Bitmap),
    List(List),
    Tree(Tree),
    Presence(Presence),
    Optional(Optional),
    Inline(Inline),
    Versioned(Versioned),
    Temporary(Temporary),
    Through(Through),
    Removed(Removed),
    Unused(Unused),
    CountedUnused(CountedUnused),
}

/// The type's own form.
pub(crate) struct Typed {
    /// Set if the type's name tells that it has a fixed size: an integer, `bool`, float, or an array of them.
    pub(crate) plain: bool,
}

/// An array or buffer whose length is in a counter field.
pub(crate) struct Counted {
    pub(crate) elements: Elements,
    pub(crate) count: Count,
    pub(crate) max: Option<Expr>,
}

/// The length before a [`Prefixed`] array. No member holds it.
pub(crate) struct LengthPrefix {
    pub(crate) ty: Box<Type>,
    pub(crate) max: Option<Expr>,
    /// The place of the array.
    pub(crate) array: Place,
}

/// An array whose length directly precedes it on the wire.
pub(crate) struct Prefixed {
    pub(crate) elements: Elements,
    pub(crate) count: HiddenCount,
    pub(crate) max: Option<Expr>,
}

/// Sets of flags, as integers of this type.
pub(crate) struct Bits(pub(crate) Box<Type>);

/// A part of an array.
pub(crate) struct Part {
    pub(crate) elements: Elements,
    pub(crate) range: parse::Part,
}

/// An array of nullable pointers, of fixed length unless it has a counter field.
pub(crate) struct Pointers {
    pub(crate) counted: Option<Counted>,
    pub(crate) alloc: bool,
}

/// A bitmap of this many bits.
pub(crate) struct Bitmap {
    pub(crate) bits: Expr,
    pub(crate) max: Option<Expr>,
}

/// A linked list.
pub(crate) struct List {
    pub(crate) qlist: bool,
    pub(crate) max: Expr,
    pub(crate) version: Option<u32>,
}

/// A balanced tree.
pub(crate) struct Tree {
    pub(crate) direct: bool,
    pub(crate) max: Expr,
    pub(crate) version: Option<u32>,
}

/// The `bool` before an [`Optional`] value: whether the `Option` in this place is `Some`.
pub(crate) struct Presence(pub(crate) Place);

/// The value of an `Option`, whose form is the form of the field's `value`.
pub(crate) struct Optional {
    /// Set if the value is on the wire even if the `Option` is `None`.
    pub(crate) always: bool,
}

/// A struct whose fields are fields of the parent.
pub(crate) struct Inline;

/// A struct, or an array of structs, at this version.
pub(crate) struct Versioned(pub(crate) u32);

/// A temporary of this type.
pub(crate) struct Temporary(pub(crate) Box<Type>);

/// A value that `get` returns and `set` takes back, whose form is the form of the field's `value`.
pub(crate) struct Through {
    pub(crate) get: Function,
    pub(crate) set: Function,
}

/// A field of older versions: the function that reads its value, and the function that makes it for a save.
pub(crate) struct Removed {
    pub(crate) with: Option<Function>,
    pub(crate) from: Option<Function>,
}

/// Padding of this many bytes.
pub(crate) struct Unused(pub(crate) LitInt);

/// Padding whose length is in a counter field.
pub(crate) struct CountedUnused {
    pub(crate) count: Count,
    pub(crate) max: Option<Expr>,
}

/// The elements of a collection, or of a part of an array.
pub(crate) enum Elements {
    /// Values with the form of their type.
    Typed,
    /// Values with the form of an info.
    Info(Box<InfoKind>),
    /// The bytes of one buffer.
    Buffer,
}

impl Form {
    /// Returns the form that the attributes choose.
    pub(super) fn new(ty: &Type, attributes: &parse::Field) -> Self {
        Self::pointers(ty, attributes)
            .or_else(|| Self::array(attributes))
            .or_else(|| Self::collection(attributes))
            .or_else(|| Self::indirect(attributes))
            .or_else(|| Counted::new(attributes, Elements::new(attributes)).map(Self::Counted))
            .unwrap_or_else(|| Self::single(ty, attributes))
    }

    fn pointers(ty: &Type, attributes: &parse::Field) -> Option<Self> {
        let pointer = attributes.pointer.value()?;
        if option_inner(ty).is_some() {
            return Some(Self::Info(Info { kind: InfoKind::Present, dimensions: 0 }));
        }
        let counted = Counted::new(attributes, Elements::Typed);
        Some(Self::Pointers(Pointers { counted, alloc: pointer.alloc.is_set() }))
    }

    fn array(attributes: &parse::Field) -> Option<Self> {
        let elements = || Elements::new(attributes);
        if let Some(range) = attributes.range.value() {
            return Some(Self::Part(Part { elements: elements(), range: range.clone() }));
        }
        if let Some(count) = attributes.count.value() {
            let count = count.clone();
            let max = attributes.max.value().cloned();
            return Some(Self::Prefixed(Prefixed { elements: elements(), count, max }));
        }
        if let Some(bits) = attributes.bits.value() {
            return Some(Self::Bits(Bits(Box::new(bits.clone()))));
        }
        Counted::from_buffer(attributes.buffer.value()?.as_ref()?).map(Self::Counted)
    }

    fn collection(attributes: &parse::Field) -> Option<Self> {
        if let Some(bitmap) = attributes.bitmap.value() {
            let bits = bitmap.bits.value()?.clone();
            let max = bitmap.max.value().cloned();
            return Some(Self::Bitmap(Bitmap { bits, max }));
        }
        if let Some(list) = attributes.list.value() {
            let max = list.max.value()?.clone();
            let version = list.version.value().map(|number| number.value);
            return Some(Self::List(List { qlist: list.qlist.is_set(), max, version }));
        }
        let tree = attributes.tree.value()?;
        let max = tree.max.value()?.clone();
        let version = tree.version.value().map(|number| number.value);
        Some(Self::Tree(Tree { direct: tree.direct.is_set(), max, version }))
    }

    fn indirect(attributes: &parse::Field) -> Option<Self> {
        if attributes.inline.is_set() {
            return Some(Self::Inline(Inline));
        }
        if let Some(parse::Versioned::At(version)) = attributes.versioned.value() {
            return Some(Self::Versioned(Versioned(version.value)));
        }
        attributes.tmp.value().map(|temporary| Self::Temporary(Temporary(Box::new(temporary.clone()))))
    }

    /// One value, or an array of fixed length.
    fn single(ty: &Type, attributes: &parse::Field) -> Self {
        match InfoKind::new(attributes) {
            Some(kind) => Self::Info(Info::new(kind, ty)),
            None => Self::Typed(Typed { plain: is_plain(ty) }),
        }
    }

    /// Returns the field that holds the number of elements.
    pub(crate) fn counter(&self) -> Option<Member> {
        match self {
            Self::Counted(counted) | Self::Pointers(Pointers { counted: Some(counted), .. }) => {
                Some(counted.count.member.clone())
            }
            Self::CountedUnused(unused) => Some(unused.count.member.clone()),
            Self::Bitmap(bitmap) => bits_field(&bitmap.bits).cloned().map(Member::Named),
            _ => None,
        }
    }

    /// Returns whether it is padding.
    pub(super) fn is_unused(&self) -> bool {
        matches!(self, Self::Unused(_) | Self::CountedUnused(_))
    }

    /// Returns whether it is a timer, whose `Option` is the deadline and does not make a subsection optional.
    pub(super) fn is_timer(&self) -> bool {
        matches!(self, Self::Info(Info { kind: InfoKind::Timer, .. }))
    }
}

impl Counted {
    /// Returns the array that `len` counts, if there is a `len`.
    fn new(attributes: &parse::Field, elements: Elements) -> Option<Self> {
        let count = attributes.len.value()?.clone();
        Some(Self { elements, count, max: attributes.max.value().cloned() })
    }

    fn from_buffer(buffer: &parse::SizedBuffer) -> Option<Self> {
        // `multiply = 4` and `len = size * 4` have the same meaning.
        let mut count = buffer.len.value()?.clone();
        count.multiply = count.multiply.or_else(|| buffer.multiply.value().cloned());
        Some(Self { elements: Elements::Buffer, count, max: buffer.max.value().cloned() })
    }
}

impl Elements {
    fn new(attributes: &parse::Field) -> Self {
        match InfoKind::for_element(attributes) {
            Some(info) => Self::Info(Box::new(info)),
            None if attributes.buffer.is_set() => Self::Buffer,
            None => Self::Typed,
        }
    }
}
