//! Errors of loading and saving, with the location of the failure.
//!
//! An error is created where a check fails, from the expected and the found value, and collects its location on the
//! way up: each field adds its name, each array its index, the framing its section. The success path records nothing.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

mod context;
mod display;
#[doc(hidden)]
pub mod field;
mod kind;
mod load;
mod report;
mod save;
mod thin_box;
mod truncated;

pub use self::context::Location;
pub use self::kind::{Blame, LoadErrorKind, SaveErrorKind};
pub use self::load::LoadError;
pub use self::report::Report;
pub use self::save::SaveError;

/// An error of another library.
type Cause = Box<dyn core::error::Error + Send + Sync>;

/// `1 byte`, `2 bytes`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
