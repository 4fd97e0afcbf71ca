//! The wire layout of devices as owned data, regardless of its source: the devices of this program, a stream's
//! description, a dump of QEMU's, or a file.
//!
//! A [`Shape`] contains only the properties that its source contains: a dump has no types, and a stream has no versions
//! of fields. Unknown properties are [`None`] or [`ShapeKind::Unknown`], and comparisons ignore them.
//!
//! ```
//! use vmstate::prelude::*;
//! use vmstate::schema::shape::{ShapeCount, ShapeKind, Shape};
//!
//! #[derive(VmState)]
//! #[vmstate(name = "fifo", version = 2)]
//! struct Fifo {
//!     data: [u16; 16],
//!     #[vmstate(since = 2)]
//!     head: u8,
//! }
//!
//! let shape = Shape::from(Fifo::DESCRIPTION);
//! assert_eq!((&*shape.name, shape.version, shape.minimum_version), ("fifo", 2, Some(1)));
//! assert_eq!(shape.fields[0].kind, ShapeKind::Info("uint16".to_owned()));
//! assert_eq!(shape.fields[0].count, ShapeCount::Fixed(16));
//! ```

pub use vmstate_types::description::{Absent, Hooks, Pointers, Priority};

mod from_description;
mod from_vmdesc;

/// One device, struct or subsection: QEMU's `VMStateDescription`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The name, as in QEMU: `serial`, `serial/recv_fifo`.
    pub name: String,
    /// The version that is, or was, written.
    pub version: u32,
    /// The oldest version that is read, by the fields or by a custom loader. Unknown for streams.
    pub minimum_version: Option<u32>,
    /// The oldest version that a custom loader reads, if one exists for versions below the minimum.
    pub oldest_version: Option<u32>,
    /// The position of the section in a machine's stream.
    pub priority: Priority,
    /// A machine that has this device cannot be saved.
    pub unmigratable: bool,
    /// The section goes out before the live sections start.
    pub early_setup: bool,
    /// Set if it has the version of the struct around it. Gates of its fields refer to the parent's version.
    pub inherits: bool,
    /// Set if a predicate decides whether the section or subsection is sent.
    pub conditional: bool,
    /// The hooks that run around saving and loading.
    pub hooks: Hooks,
    /// The fields in wire order.
    pub fields: Vec<ShapeField>,
    /// The subsections in wire order, after all fields.
    pub subsections: Vec<ShapeSubsection>,
    /// Set if this describes a stream: all of it was sent.
    pub is_sent: bool,
}

/// One field: QEMU's `VMStateField`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeField {
    /// The name in descriptions and errors.
    pub name: String,
    /// The first version of the struct that has it.
    pub since: u32,
    /// The last version of the struct that has it.
    pub until: Option<u32>,
    /// Set if a predicate decides whether the field is present, and not the version (QEMU's `field_exists`).
    pub conditional: bool,
    /// The kind of an element.
    pub kind: ShapeKind,
    /// The number of elements.
    pub count: ShapeCount,
    /// The bytes of one element on the wire, where all take the same.
    pub size: Option<u64>,
    /// The bytes of one element in QEMU's memory, for dumps.
    pub host_size: Option<u64>,
    /// The source of the length of an element, for bytes and bits that another field counts.
    pub length: Option<ShapeCountSource>,
    /// The kind of pointers, if the elements are pointers.
    pub pointers: Pointers,
}

/// The kind of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShapeKind {
    /// A value of unknown type.
    Unknown,
    /// A value with an info type (QEMU's `VMStateInfo`), by name: `uint32`, `timer`, `buffer`.
    Info(String),
    /// A nested struct, at its own version (`VMS_STRUCT`).
    Struct(ShapeElements),
    /// A nested struct, at this version (`VMS_VSTRUCT`).
    Versioned(ShapeElements, u32),
    /// A temporary struct that is made of the parent (`VMSTATE_WITH_TMP`).
    Temporary(ShapeElements),
    /// A linked list of structs, by the name of its info (`qtailq`, `qlist`).
    List(String, ShapeElements),
    /// A balanced tree (`gtree`). Keys without a shape are 64-bit numbers.
    Tree {
        /// The keys' shape.
        keys: Option<ShapeElements>,
        /// The values' shape.
        values: ShapeElements,
    },
}

/// The shape of elements.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShapeElements {
    /// All have this one.
    Alike(Box<Shape>),
    /// Each has its own, in descriptions of streams: elements of one field may have different subsections.
    Each(Vec<Shape>),
}

/// The number of elements of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShapeCount {
    /// Not an array.
    One,
    /// So many.
    Fixed(u64),
    /// The number comes from another field.
    Counted(ShapeCountSource),
    /// Unknown.
    Unknown,
}

/// The source of a number of elements or bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeCountSource {
    /// The name of the counter field, or an expression.
    pub field: String,
    /// The factor for its value.
    pub multiply: u64,
    /// The upper bound of the result, if it is lower than the size of the container.
    pub max: Option<u64>,
}

/// One subsection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeSubsection {
    /// Its shape. The name begins with the parent's name.
    pub shape: Shape,
    /// The effect of its absence on a load.
    pub absent: Absent,
}

impl Shape {
    /// A shape that has nothing in it yet, at version 1.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: 1,
            minimum_version: None,
            oldest_version: None,
            priority: Priority::Default,
            unmigratable: false,
            early_setup: false,
            inherits: false,
            conditional: false,
            hooks: Hooks::NONE,
            fields: Vec::new(),
            subsections: Vec::new(),
            is_sent: false,
        }
    }

    /// The oldest version that is loaded one way or another, where that is known.
    #[must_use]
    pub fn oldest_loaded(&self) -> Option<u32> {
        match (self.minimum_version, self.oldest_version) {
            (Some(minimum), Some(oldest)) => Some(minimum.min(oldest)),
            (minimum, _) => minimum,
        }
    }
}

impl ShapeField {
    /// One element of `kind`, there in every version.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: ShapeKind) -> Self {
        Self {
            name: name.into(),
            since: 0,
            until: None,
            conditional: false,
            kind,
            count: ShapeCount::One,
            size: None,
            host_size: None,
            length: None,
            pointers: Pointers::None,
        }
    }

    /// Returns whether a struct at `version` can contain the field. A conditional field can be present at every
    /// version.
    #[must_use]
    pub fn can_exist_at(&self, version: u32) -> bool {
        self.conditional || (version >= self.since && self.until.is_none_or(|last| version <= last))
    }
}

impl ShapeField {
    /// Returns whether no version of the struct contains both fields.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        let before = |one: &Self, next: &Self| one.until.is_some_and(|last| last < next.since);
        !self.conditional && !other.conditional && (before(self, other) || before(other, self))
    }
}

impl ShapeKind {
    /// The structs inside, if there are any; the values of a tree.
    #[must_use]
    pub fn inner(&self) -> Option<&ShapeElements> {
        match self {
            Self::Unknown | Self::Info(_) => None,
            Self::Struct(inner) | Self::Versioned(inner, _) | Self::Temporary(inner) | Self::List(_, inner) => {
                Some(inner)
            }
            Self::Tree { values, .. } => Some(values),
        }
    }
}

impl ShapeElements {
    /// Returns the shapes: one, or one for each element.
    #[must_use]
    pub fn shapes(&self) -> &[Shape] {
        match self {
            Self::Alike(shape) => std::slice::from_ref(shape),
            Self::Each(shapes) => shapes,
        }
    }
}
