//! The direction of a piece of generated code.

/// The direction of the data.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    Save,
    Load,
}
