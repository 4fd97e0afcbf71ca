//! The generator of devices that implement `Default`.

use vmstate_types::VmState;

/// A device that `laws!` can make without a generator. The trait exists for its message: a bare `Default` would leave the
/// reader of the error without the alternative.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Default`, so `laws!` needs a generator for it",
    label = "no `Default`",
    note = "add a generator, `laws!({Self}, with = |choices| ...)`, or implement `Default`"
)]
pub trait WithDefault: Sized {
    /// Returns the device's default state.
    fn with_default() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: VmState + Default> WithDefault for T {
    fn with_default() -> Self {
        T::default()
    }
}
