//! Descriptions of fields and their wire formats.

use super::Description;

/// One field: QEMU's `VMStateField`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// The name in descriptions and errors.
    pub name: &'static str,
    /// The first version of the struct that contains the field.
    pub since: u32,
    /// The last version of the struct that contains the field.
    pub until: Option<u32>,
    /// Set if a predicate decides whether the field is present, instead of the version (QEMU's `field_exists`).
    pub conditional: bool,
    /// The wire format.
    pub form: Form,
}

impl Field {
    /// Creates a field that is present in every version.
    #[must_use]
    pub const fn new(name: &'static str, form: Form) -> Self {
        Self { name, since: 0, until: None, conditional: false, form }
    }

    /// Sets the first version that contains the field.
    #[must_use]
    pub const fn since(mut self, version: u32) -> Self {
        self.since = version;
        self
    }

    /// Sets the last version that contains the field.
    #[must_use]
    pub const fn until(mut self, version: u32) -> Self {
        self.until = Some(version);
        self
    }

    /// Marks the field as conditional on a predicate.
    #[must_use]
    pub const fn conditional(mut self) -> Self {
        self.conditional = true;
        self
    }

    /// Returns whether the field is absent in some states or versions of the struct.
    #[must_use]
    pub const fn is_gated(&self) -> bool {
        self.since > 1 || self.until.is_some() || self.conditional
    }

    /// Returns whether no version of the struct contains both fields.
    ///
    /// Such fields may share a name: they can be two layouts of the same value.
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

    /// Returns whether a struct at `version` contains the field, regardless of predicates.
    #[must_use]
    pub const fn exists_at(&self, version: u32) -> bool {
        version >= self.since
            && match self.until {
                Some(last) => version <= last,
                None => true,
            }
    }
}

/// The wire format of a field: a number of elements of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Form {
    /// The kind of an element.
    pub kind: Kind,
    /// The number of elements.
    pub count: Count,
    /// The size of an element in bytes, if it is fixed and all bytes are valid.
    pub size: Option<usize>,
    /// The source of the length of an element, if it consists of bytes or bits that another field counts.
    pub length: Option<CountSource>,
    /// The kind of pointers, if the elements are pointers.
    pub pointers: Pointers,
    /// Set if a struct in the elements has the version of the struct around it.
    pub(crate) inherits: bool,
    /// The maximum number of items of a list or a tree, or the maximum size in bytes of another element whose size is not
    /// fixed; `None` if it is unknown.
    pub limit: Option<usize>,
}

impl Form {
    /// Creates the format of an element with an info type, by its name in QEMU's descriptions.
    #[must_use]
    pub const fn info(name: &'static str, size: Option<usize>) -> Self {
        Self::new(Kind::Info(name), size)
    }

    /// Creates the format of a nested struct at its current version.
    #[must_use]
    pub const fn structure(description: &'static Description) -> Self {
        Self::new(Kind::Struct(description), description.size())
    }

    /// Creates the format of an element of any kind.
    #[must_use]
    pub const fn new(kind: Kind, size: Option<usize>) -> Self {
        let inherits = match kind {
            Kind::Info(_) => false,
            Kind::Struct(inner)
            | Kind::Inline(inner)
            | Kind::Versioned(inner, _)
            | Kind::Temporary(inner)
            | Kind::List(_, inner) => inner.inherits || inner.bequeaths(),
            Kind::Tree { key, value } => {
                value.inherits
                    || value.bequeaths()
                    || match key {
                        Some(key) => key.inherits || key.bequeaths(),
                        None => false,
                    }
            }
        };
        Self { kind, count: Count::One, size, length: None, pointers: Pointers::None, limit: None, inherits }
    }

    /// Multiplies the number of elements by `count`. Nested arrays are flattened, as in QEMU.
    #[must_use]
    pub const fn times(mut self, count: usize) -> Self {
        self.count = match self.count {
            Count::One => Count::Fixed(count),
            Count::Fixed(inner) => Count::Fixed(inner * count),
            // The source already specifies the number of all elements.
            counted @ Count::Counted(_) => counted,
        };
        self
    }

    /// Sets the source of the number of elements.
    #[must_use]
    pub const fn counted(mut self, by: CountSource) -> Self {
        self.count = Count::Counted(by);
        self
    }

    /// Sets the source of the length of the element, in bytes or bits.
    #[must_use]
    pub const fn sized(mut self, by: CountSource) -> Self {
        self.length = Some(by);
        self.size = None;
        self
    }

    /// Sets the maximum number of items of a list or a tree, or the maximum size in bytes of another element.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Replaces the format with an opaque info type of the same size.
    #[must_use]
    pub const fn opaque(self, name: &'static str) -> Self {
        Self { limit: self.max_size(), inherits: self.inherits, ..Self::info(name, self.total_size()) }
    }

    /// Sets the kind of pointers.
    #[must_use]
    pub const fn behind(mut self, pointers: Pointers) -> Self {
        self.pointers = pointers;
        self
    }

    /// Returns the size of all elements in bytes, if it is fixed.
    #[must_use]
    pub const fn total_size(&self) -> Option<usize> {
        match (self.size, self.count, self.pointers) {
            // A null pointer takes one byte, so that the size of nullable pointers depends on the state.
            (Some(size), Count::One, Pointers::None) => Some(size),
            (Some(size), Count::Fixed(count), Pointers::None) => Some(size * count),
            _ => None,
        }
    }
}

/// The kind of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A value with an info type (QEMU's `VMStateInfo`), by name: `uint32`, `timer`, `buffer`.
    Info(&'static str),
    /// A nested struct at its current version (`VMS_STRUCT`).
    Struct(&'static Description),
    /// A nested struct at a given version (`VMS_VSTRUCT`).
    Versioned(&'static Description, u32),
    /// The fields of a struct as fields of the parent, whose names begin with the field's name (QEMU's
    /// `VMSTATE_UINT32(eeprom.tick, Device)`).
    Inline(&'static Description),
    /// A temporary struct that is created from the parent (`VMSTATE_WITH_TMP`).
    Temporary(&'static Description),
    /// A linked list of structs, by the name of its info (`qtailq`, `qlist`).
    List(&'static str, &'static Description),
    /// A balanced tree (`gtree`). Keys without a description are 64-bit numbers.
    Tree {
        /// The description of the keys.
        key: Option<&'static Description>,
        /// The description of the values.
        value: &'static Description,
    },
}

/// The number of elements of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Count {
    /// A single element.
    One,
    /// An array of fixed length.
    Fixed(usize),
    /// A number that another field contains.
    Counted(CountSource),
}

/// The field that contains a number of elements, bytes or bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CountSource {
    /// The name of the field, or an expression.
    pub field: &'static str,
    /// The factor that its value is multiplied by.
    pub multiply: usize,
    /// The maximum of the result, if it is lower than the capacity of the container.
    pub max: Option<usize>,
    /// The capacity of the container, if it cannot grow.
    pub capacity: Option<usize>,
}

impl CountSource {
    /// Creates a source from the name of a field.
    #[must_use]
    pub const fn new(field: &'static str) -> Self {
        Self { field, multiply: 1, max: None, capacity: None }
    }

    /// Sets the factor.
    #[must_use]
    pub const fn multiply(mut self, factor: usize) -> Self {
        self.multiply = factor;
        self
    }

    /// Sets the maximum.
    #[must_use]
    pub const fn max(mut self, max: usize) -> Self {
        self.max = Some(max);
        self
    }

    /// Sets the capacity of the container.
    #[must_use]
    pub const fn capacity(mut self, capacity: Option<usize>) -> Self {
        self.capacity = capacity;
        self
    }
}

/// Nullable pointers to elements, and their markers on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Pointers {
    /// Elements are not pointers.
    #[default]
    None,
    /// A null pointer is the byte `0x30`; both sides agree on which ones are null (`VMS_ARRAY_OF_POINTER`).
    Nullable,
    /// Each pointer begins with `0x30` (null) or `0x31`; a load allocates the targets
    /// (`VMS_ARRAY_OF_POINTER_AUTO_ALLOC`).
    Marked,
}
