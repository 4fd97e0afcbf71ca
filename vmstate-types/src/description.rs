//! Descriptions: the layout of a device's section as plain constant data.
//!
//! `#[derive(VmState)]` generates a [`Description`] of every struct, from the same model as the code that saves and
//! loads it. Schema dumps, comparison, the JSON at the end of a stream and error messages are all based on it.

mod field;
mod size;

pub use self::field::{Count, CountSource, Field, Form, Kind, Pointers};

/// The layout of a device, struct or subsection: QEMU's `VMStateDescription`.
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
    /// The current version, which is written by default.
    pub version: u32,
    /// The oldest version that can be loaded.
    pub minimum_version: u32,
    /// The oldest version that the device's custom loader supports, if it has one for versions below the minimum
    /// (`load_state_old` in older releases of QEMU).
    pub oldest_version: Option<u32>,
    /// The position of the section in a machine's stream.
    pub priority: Priority,
    /// Set if the device prevents its machine from being saved.
    pub unmigratable: bool,
    /// Set if the section is sent before the live sections start.
    pub early_setup: bool,
    /// Set if the struct has the version of the struct around it. Gates of its fields then refer to the parent's
    /// version, and `version` is the last version that changed a field.
    pub inherits: bool,
    /// Set if a predicate decides whether the section or subsection is sent.
    pub conditional: bool,
    /// The hooks that run around saving and loading.
    pub hooks: Hooks,
    /// The fields in wire order.
    pub fields: &'static [Field],
    /// The subsections in wire order, after all fields.
    pub subsections: &'static [Subsection],
}

impl Description {
    /// Creates a description at version 1 without fields.
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
            inherits: false,
            conditional: false,
            hooks: Hooks::NONE,
            fields: &[],
            subsections: &[],
        }
    }

    /// Sets the current and the minimum version.
    #[must_use]
    pub const fn versions(mut self, version: u32, minimum_version: u32) -> Self {
        self.version = version;
        self.minimum_version = minimum_version;
        self
    }

    /// Declares a custom loader of the versions from `oldest` up to the minimum.
    #[must_use]
    pub const fn load_old(mut self, oldest: u32) -> Self {
        self.oldest_version = Some(oldest);
        self
    }

    /// Sets the priority.
    #[must_use]
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Marks the device as unmigratable.
    #[must_use]
    pub const fn unmigratable(mut self) -> Self {
        self.unmigratable = true;
        self
    }

    /// Marks the section as sent before the live sections start.
    #[must_use]
    pub const fn early_setup(mut self) -> Self {
        self.early_setup = true;
        self
    }

    /// Gives the struct the version of the struct around it.
    #[must_use]
    pub const fn inherits(mut self) -> Self {
        self.inherits = true;
        self
    }

    /// Returns whether a struct in a field, at any depth, has the version of the struct around it.
    #[must_use]
    pub const fn bequeaths(&self) -> bool {
        any_inherits(self.fields) || {
            let mut rest = self.subsections;
            let mut found = false;
            while let Some((first, others)) = rest.split_first() {
                found |= any_inherits(first.description.fields);
                rest = others;
            }
            found
        }
    }

    /// Marks the section or subsection as optional.
    #[must_use]
    pub const fn conditional(mut self) -> Self {
        self.conditional = true;
        self
    }

    /// Sets the hooks.
    #[must_use]
    pub const fn hooks(mut self, hooks: Hooks) -> Self {
        self.hooks = hooks;
        self
    }

    /// Sets the fields.
    #[must_use]
    pub const fn fields(mut self, fields: &'static [Field]) -> Self {
        self.fields = fields;
        self
    }

    /// Sets the subsections.
    #[must_use]
    pub const fn subsections(mut self, subsections: &'static [Subsection]) -> Self {
        self.subsections = subsections;
        self
    }

    /// Returns the size in bytes at the current version.
    ///
    /// Returns `None` if the size depends on the value, or if loading involves more than storing bytes (hooks,
    /// conditional fields, subsections, validated values).
    #[must_use]
    pub const fn size(&self) -> Option<usize> {
        // A struct of fixed size is loaded as part of a run, which runs no hooks and looks for no subsections.
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

const fn any_inherits(mut fields: &[Field]) -> bool {
    while let Some((first, rest)) = fields.split_first() {
        if first.form.inherits {
            return true;
        }
        fields = rest;
    }
    false
}

/// The position of a section in a machine's stream: QEMU's `MigrationPriority`. Higher priorities are saved first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Priority {
    /// After all other sections.
    Low,
    /// In order of registration.
    #[default]
    Default,
    /// Before the devices that the IOMMU serves.
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

/// The set of hooks of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Hooks {
    /// Set if a hook runs before the first field is saved.
    pub pre_save: bool,
    /// Set if a hook runs after saving, even after a failure.
    pub post_save: bool,
    /// Set if a hook runs before the first field is loaded.
    pub pre_load: bool,
    /// Set if a hook runs after the last subsection is loaded.
    pub post_load: bool,
}

impl Hooks {
    /// No hooks.
    pub const NONE: Self = Self { pre_save: false, post_save: false, pre_load: false, post_load: false };

    /// Returns whether the device has any hook.
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

/// An optional group of fields with a separate description, after the parent's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subsection {
    /// The description. Its name begins with the parent's name and a slash.
    pub description: &'static Description,
    /// The behavior of a load if the subsection is absent.
    pub absent: Absent,
}

impl Subsection {
    /// Creates a subsection.
    #[must_use]
    pub const fn new(description: &'static Description, absent: Absent) -> Self {
        Self { description, absent }
    }
}

/// The behavior of a load if a subsection is absent from the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Absent {
    /// The fields keep their values, as in QEMU.
    #[default]
    Keep,
    /// The fields are set to their defaults; an `Option` is set to `None`.
    Default,
    /// The load fails.
    Error,
}
