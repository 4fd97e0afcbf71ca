//! Every path that generated code names stands here, so that a crate depends on one crate only.

pub use core;

pub use crate::description::{self, Absent, Description, Field, Form, Hooks, Kind, Priority, Subsection};
pub use crate::error::{LoadError, SaveError};
pub use crate::info::array::Each;
pub use crate::info::buffer::Buffer;
pub use crate::info::equal::Equal;
pub use crate::info::range::LessOrEqual;
pub use crate::info::timer::TimerInfo;
pub use crate::info::{Codec, Info};
pub use crate::sink::{At, Element, Sink};
pub use crate::state::{VmState, Wire};
pub use crate::walk;
pub use crate::wire::{Reader, Writer};
