//! What a device's section looks like, as plain constant data.
//!
//! `#[derive(VmState)]` makes a [`Description`] of every struct, from the same model as the code that saves and loads
//! it. Tools read this and nothing else: schema dumps, comparison, the JSON at the end of a stream, error messages.

mod field;

pub use self::field::{Count, CountSource, Field, Form, Kind, Pointers};

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
