//! Whether a piece of code saves or loads.

/// The direction of the data.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    Save,
    Load,
}
