//! Rules for streams that differ from the machine.

use crate::registry::Missing;

/// The treatment of a section that is not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Unknown {
    /// The load fails, as in QEMU.
    #[default]
    Reject,
    /// The section is skipped.
    Skip,
    /// The section is kept as bytes, and sent again when the machine is saved. Live sections cannot be kept.
    PassThrough,
}

/// The treatment of a duplicate section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Repeated {
    /// The load fails.
    #[default]
    Reject,
    /// The last one replaces the earlier ones, as in QEMU.
    Replace,
}

/// The treatment of bytes at the end of a section that its device has not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Unread {
    /// The load fails, as in QEMU.
    #[default]
    Reject,
    /// The bytes up to the section's footer are skipped.
    Skip,
}

/// The rules of a load for sections that are missing, unknown, duplicate, or longer than their devices. By default, the
/// load fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Rules {
    /// The treatment of a missing section.
    pub missing: Missing,
    /// The treatment of a section that is not registered.
    pub unknown: Unknown,
    /// The treatment of a duplicate section.
    pub repeated: Repeated,
    /// The treatment of bytes that the device has not read.
    pub unread: Unread,
}

impl Rules {
    /// The behavior of QEMU: sections may be missing or duplicate (`qemu_loadvm_section_start_full` in
    /// migration/savevm.c does not record the sections that it has loaded).
    pub const QEMU: Self = Self {
        missing: Missing::KeepState,
        unknown: Unknown::Reject,
        repeated: Repeated::Replace,
        unread: Unread::Reject,
    };

    /// Sets how to treat missing sections.
    #[must_use]
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// Sets how to treat sections that are not registered.
    #[must_use]
    pub fn unknown(mut self, unknown: Unknown) -> Self {
        self.unknown = unknown;
        self
    }

    /// Sets how to treat duplicate sections.
    #[must_use]
    pub fn repeated(mut self, repeated: Repeated) -> Self {
        self.repeated = repeated;
        self
    }

    /// Sets how to treat bytes that a device has not read.
    #[must_use]
    pub fn unread(mut self, unread: Unread) -> Self {
        self.unread = unread;
        self
    }
}
