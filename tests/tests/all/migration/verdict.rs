//! The comparison with QEMU, as part of tables.

/// Our behavior compared with QEMU's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All releases behave as this library.
    Same,
    /// This library behaves differently. The text is the reason.
    Differs(&'static str),
}
