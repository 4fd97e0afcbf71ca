//! Save running machines and load them again, byte-compatible with QEMU's migration stream.
#![forbid(unsafe_code)]

pub mod dynamic;
pub mod ram;
pub mod schema;
pub mod stream;

pub use vmstate_derive::VmState;
#[doc(hidden)]
pub use vmstate_types::__private;
pub use vmstate_types::{
    Description, Info, LoadError, Reader, SaveError, Sink, Temporary, Timer, Unused, Wire, Writer, description, error,
    info, sink, state, walk, wire,
};

// From its module, where there is only the trait: the crate's root may have another derive of the same name.
pub use vmstate_types::state::VmState;

/// What a device's file imports.
pub mod prelude {
    pub use vmstate_derive::VmState;
    pub use vmstate_types::info::array::Each;
    pub use vmstate_types::state::VmState;
    pub use vmstate_types::{Info, LoadError, Reader, SaveError, Temporary, Timer, Unused, Writer};
}
