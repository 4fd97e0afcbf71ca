//! What a field is on the wire.

use super::Description;

/// One field: QEMU's `VMStateField`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// The name in descriptions and errors.
    pub name: &'static str,
    /// The first version of the struct that has it.
    pub since: u32,
    /// The last version of the struct that has it.
    pub until: Option<u32>,
    /// Whether a predicate decides, instead of the version (QEMU's `field_exists`).
    pub conditional: bool,
    /// What it is on the wire.
    pub form: Form,
}

impl Field {
    /// A field that is there in every version.
    #[must_use]
    pub const fn new(name: &'static str, form: Form) -> Self {
        Self { name, since: 0, until: None, conditional: false, form }
    }

    /// On the wire from `version` on.
    #[must_use]
    pub const fn since(mut self, version: u32) -> Self {
        self.since = version;
        self
    }

    /// On the wire up to `version`.
    #[must_use]
    pub const fn until(mut self, version: u32) -> Self {
        self.until = Some(version);
        self
    }

    /// On the wire when a predicate says so.
    #[must_use]
    pub const fn conditional(mut self) -> Self {
        self.conditional = true;
        self
    }

    /// Whether anything but the struct's minimum version decides about its presence.
    #[must_use]
    pub const fn is_gated(&self) -> bool {
        self.since > 1 || self.until.is_some() || self.conditional
    }

    /// Whether no version of the struct has both fields, as far as versions decide.
    ///
    /// Two such fields can be one thing that changed: they may have the same name.
    #[must_use]
    pub const fn excludes(&self, other: &Self) -> bool {
        !self.conditional && !other.conditional && (self.ends_before(other) || other.ends_before(self))
    }

    const fn ends_before(&self, other: &Self) -> bool {
        match self.until {
            Some(last) => last < other.since,
            None => false,
        }
    }

    /// Whether a struct at `version` has the field, as far as versions decide.
    #[must_use]
    pub const fn exists_at(&self, version: u32) -> bool {
        version >= self.since
            && match self.until {
                Some(last) => version <= last,
                None => true,
            }
    }
}

/// What a field is on the wire: so many elements of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Form {
    /// What one element is.
    pub kind: Kind,
    /// How many there are.
    pub count: Count,
    /// The bytes of one element, where all take the same and every value of them is accepted.
    pub size: Option<usize>,
    /// Where the length of one element comes from, if it is bytes or bits and another field says how many.
    pub length: Option<CountSource>,
    /// Whether elements are behind pointers that may be null.
    pub pointers: Pointers,
}

impl Form {
    /// One element with an info type, by its name in QEMU's descriptions.
    #[must_use]
    pub const fn info(name: &'static str, size: Option<usize>) -> Self {
        Self::new(Kind::Info(name), size)
    }

    /// One nested struct, at its own version.
    #[must_use]
    pub const fn structure(description: &'static Description) -> Self {
        Self::new(Kind::Struct(description), description.size())
    }

    /// One element of any kind.
    #[must_use]
    pub const fn new(kind: Kind, size: Option<usize>) -> Self {
        Self { kind, count: Count::One, size, length: None, pointers: Pointers::None }
    }

    /// `count` elements in a row. Arrays of arrays are one longer array, as in QEMU.
    #[must_use]
    pub const fn times(mut self, count: usize) -> Self {
        self.count = match self.count {
            Count::One => Count::Fixed(count),
            Count::Fixed(inner) => Count::Fixed(inner * count),
            counted @ Count::Counted(_) => counted,
        };
        self
    }

    /// As many elements as another field says.
    #[must_use]
    pub const fn counted(mut self, by: CountSource) -> Self {
        self.count = Count::Counted(by);
        self
    }

    /// One element, whose length in bytes or bits another field says.
    #[must_use]
    pub const fn sized(mut self, by: CountSource) -> Self {
        self.length = Some(by);
        self.size = None;
        self
    }

    /// All of it as one value with an info type, of which nothing is known but the bytes it takes.
    #[must_use]
    pub const fn opaque(self, name: &'static str) -> Self {
        Self::info(name, self.total_size())
    }

    /// Elements behind pointers.
    #[must_use]
    pub const fn behind(mut self, pointers: Pointers) -> Self {
        self.pointers = pointers;
        self
    }

    /// The bytes of all elements, where that is known beforehand.
    #[must_use]
    pub const fn total_size(&self) -> Option<usize> {
        match (self.size, self.count, self.pointers) {
            (Some(size), Count::One, Pointers::None) => Some(size),
            (Some(size), Count::Fixed(count), Pointers::None) => Some(size * count),
            _ => None,
        }
    }
}

/// What one element of a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A value with an info type (QEMU's `VMStateInfo`), by name: `uint32`, `timer`, `buffer`.
    Info(&'static str),
    /// A nested struct, at its own version (`VMS_STRUCT`).
    Struct(&'static Description),
    /// A nested struct, at this version (`VMS_VSTRUCT`).
    Versioned(&'static Description, u32),
    /// A temporary struct that is made of the parent (`VMSTATE_WITH_TMP`).
    Temporary(&'static Description),
    /// A linked list of structs, by the name of its info (`qtailq`, `qlist`).
    List(&'static str, &'static Description),
    /// A balanced tree (`gtree`). Keys without a description are 64-bit numbers.
    Tree {
        /// The keys' shape.
        key: Option<&'static Description>,
        /// The values' shape.
        value: &'static Description,
    },
}

/// How many elements a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Count {
    /// It is no array.
    One,
    /// An array of fixed length.
    Fixed(usize),
    /// Another field says.
    Counted(CountSource),
}

/// Where a number that a field needs comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CountSource {
    /// The name of the field, or the expression, that says it.
    pub field: &'static str,
    /// What its value is multiplied by.
    pub multiply: usize,
    /// What the result may be at most, where something less than the container bounds it.
    pub max: Option<usize>,
}

impl CountSource {
    /// What the field `field` says.
    #[must_use]
    pub const fn new(field: &'static str) -> Self {
        Self { field, multiply: 1, max: None }
    }

    /// Times `factor`.
    #[must_use]
    pub const fn multiply(mut self, factor: usize) -> Self {
        self.multiply = factor;
        self
    }

    /// FieldRef most `max`.
    #[must_use]
    pub const fn max(mut self, max: usize) -> Self {
        self.max = Some(max);
        self
    }
}

/// Whether elements are behind pointers that may be null, and how that is told on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Pointers {
    /// They are not.
    #[default]
    None,
    /// A null one is the byte `0x30`; both sides know which are (`VMS_ARRAY_OF_POINTER`).
    Nullable,
    /// Each one begins with `0x30` (null) or `0x31`; loading makes them (`VMS_ARRAY_OF_POINTER_AUTO_ALLOC`).
    Marked,
}
