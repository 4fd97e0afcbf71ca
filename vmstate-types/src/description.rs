//! What a device's section looks like, as plain constant data.
//!
//! `#[derive(VmState)]` makes a [`Description`] of every struct, from the same model as the code that saves and loads
//! it. Tools read this and nothing else: schema dumps, comparison, the JSON at the end of a stream, error messages.

/// The shape of one device, struct or subsection: QEMU's `VMStateDescription`.
///
/// ```
/// use vmstate_types::VmState;
/// use vmstate_types::description::{Count, Kind};
///
/// #[derive(VmState)]
/// #[vmstate(name = "fifo", version = 2)]
/// struct Fifo {
///     data: [u16; 16],
///     #[vmstate(since = 2)]
///     head: u8,
/// }
///
/// let description = Fifo::DESCRIPTION;
/// assert_eq!((description.name, description.version, description.minimum_version), ("fifo", 2, 1));
/// let data = &description.fields[0];
/// assert_eq!((data.form.kind, data.form.count), (Kind::Info("uint16"), Count::Fixed(16)));
/// assert_eq!(description.fields[1].since, 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// The name, as in QEMU: `serial`, `serial/recv_fifo`.
    pub name: &'static str,
    /// The version that is written.
    pub version: u32,
    /// The oldest version that is read.
    pub minimum_version: u32,
    /// The oldest version that the device reads by a function of its own, if it has one for versions below the minimum
    /// (QEMU had `load_state_old`).
    pub oldest_version: Option<u32>,
    /// Where in a machine's stream the section stands.
    pub priority: Priority,
    /// A machine that has this device cannot be saved.
    pub unmigratable: bool,
    /// The section goes out before the live sections start.
    pub early_setup: bool,
    /// Whether a predicate decides if the section or subsection is sent at all.
    pub conditional: bool,
    /// The hooks that run around saving and loading.
    pub hooks: Hooks,
    /// The fields in wire order.
    pub fields: &'static [Field],
    /// The subsections in wire order, after all fields.
    pub subsections: &'static [Subsection],
}

impl Description {
    /// Describes something that has no fields yet, at version 1.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            version: 1,
            minimum_version: 1,
            oldest_version: None,
            priority: Priority::Default,
            unmigratable: false,
            early_setup: false,
            conditional: false,
            hooks: Hooks::NONE,
            fields: &[],
            subsections: &[],
        }
    }

    /// With these versions.
    #[must_use]
    pub const fn versions(mut self, version: u32, minimum_version: u32) -> Self {
        self.version = version;
        self.minimum_version = minimum_version;
        self
    }

    /// With a function that reads the versions from `oldest` up to the minimum.
    #[must_use]
    pub const fn load_old(mut self, oldest: u32) -> Self {
        self.oldest_version = Some(oldest);
        self
    }

    /// With this priority.
    #[must_use]
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// As a device that keeps its machine from being saved.
    #[must_use]
    pub const fn unmigratable(mut self) -> Self {
        self.unmigratable = true;
        self
    }

    /// As a section that goes out before the live sections start.
    #[must_use]
    pub const fn early_setup(mut self) -> Self {
        self.early_setup = true;
        self
    }

    /// As one that a predicate may leave out.
    #[must_use]
    pub const fn conditional(mut self) -> Self {
        self.conditional = true;
        self
    }

    /// With these hooks.
    #[must_use]
    pub const fn hooks(mut self, hooks: Hooks) -> Self {
        self.hooks = hooks;
        self
    }

    /// With these fields.
    #[must_use]
    pub const fn fields(mut self, fields: &'static [Field]) -> Self {
        self.fields = fields;
        self
    }

    /// With these subsections.
    #[must_use]
    pub const fn subsections(mut self, subsections: &'static [Subsection]) -> Self {
        self.subsections = subsections;
        self
    }

    /// The bytes that every value of this shape takes at its own version; `None` where that depends on the value or
    /// where loading does more than storing bytes (hooks, gates, subsections, checked values).
    #[must_use]
    pub const fn size(&self) -> Option<usize> {
        if self.hooks.any() || !self.subsections.is_empty() || self.conditional {
            return None;
        }
        let mut sum = 0;
        let mut index = 0;
        while index < self.fields.len() {
            let field = &self.fields[index];
            if field.is_gated() {
                return None;
            }
            match field.form.total_size() {
                Some(size) => sum += size,
                None => return None,
            }
            index += 1;
        }
        Some(sum)
    }
}

/// Where in a machine's stream a section stands: QEMU's `MigrationPriority`. Higher ones are saved first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Priority {
    /// After all the others.
    Low,
    /// No particular place.
    #[default]
    Default,
    /// Before the devices that are behind it.
    Iommu,
    /// Before the devices on the bus.
    PciBus,
    /// Before other memory devices.
    VirtioMem,
    /// Before the I/O APIC.
    Apic,
    /// Before the GIC.
    Gicv3Its,
    /// Before the CPU interfaces.
    Gicv3,
}

/// Which hooks a device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Hooks {
    /// Runs before the first field is saved.
    pub pre_save: bool,
    /// Runs after saving, even if it failed.
    pub post_save: bool,
    /// Runs before the first field is loaded.
    pub pre_load: bool,
    /// Runs after the last subsection was loaded.
    pub post_load: bool,
}

impl Hooks {
    /// No hook.
    pub const NONE: Self = Self { pre_save: false, post_save: false, pre_load: false, post_load: false };

    /// Whether there is any.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.pre_save || self.post_save || self.pre_load || self.post_load
    }

    /// Adds `pre_save`.
    #[must_use]
    pub const fn pre_save(mut self) -> Self {
        self.pre_save = true;
        self
    }

    /// Adds `post_save`.
    #[must_use]
    pub const fn post_save(mut self) -> Self {
        self.post_save = true;
        self
    }

    /// Adds `pre_load`.
    #[must_use]
    pub const fn pre_load(mut self) -> Self {
        self.pre_load = true;
        self
    }

    /// Adds `post_load`.
    #[must_use]
    pub const fn post_load(mut self) -> Self {
        self.post_load = true;
        self
    }
}

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
    pub length: Option<Source>,
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
    pub const fn counted(mut self, by: Source) -> Self {
        self.count = Count::Counted(by);
        self
    }

    /// One element, whose length in bytes or bits another field says.
    #[must_use]
    pub const fn sized(mut self, by: Source) -> Self {
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
    Counted(Source),
}

/// Where a number that a field needs comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Source {
    /// The name of the field, or the expression, that says it.
    pub field: &'static str,
    /// What its value is multiplied by.
    pub multiply: usize,
    /// What the result may be at most, where something less than the container bounds it.
    pub max: Option<usize>,
}

impl Source {
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

    /// At most `max`.
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

/// One subsection: a description of its own after the parent's fields, which may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subsection {
    /// Its shape. The name begins with the parent's name and a slash.
    pub description: &'static Description,
    /// What a load does when it is not in the stream.
    pub absent: Absent,
}

impl Subsection {
    /// A subsection with what happens when it is absent.
    #[must_use]
    pub const fn new(description: &'static Description, absent: Absent) -> Self {
        Self { description, absent }
    }
}

/// What a load does about a subsection that is not in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Absent {
    /// The values stay as they were, as in QEMU.
    #[default]
    Keep,
    /// The values become their defaults; an `Option` becomes `None`.
    Default,
    /// The load fails.
    Error,
}
