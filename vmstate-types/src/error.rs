//! What can go wrong while loading and saving, and where.
//!
//! An error is made where it happens, with what was expected and found, and gathers coordinates on its way up: each
//! field adds its name, each array the element, the framing adds the section. On the way of success nothing is recorded.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

mod display;
#[doc(hidden)]
pub mod field;
mod load;
mod outlined;
mod save;
mod truncated;

pub use self::load::LoadError;
pub use self::save::SaveError;

/// Who has to change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// The bytes are not what the format says: the stream is corrupt, cut, or not a migration stream.
    Bytes,
    /// The bytes are fine, but the machine that wrote them is not like ours: another version, another layout.
    Peer,
    /// A device's own hook or custom info refused the state.
    Device,
    /// The source of the bytes failed, or their destination: a file, a socket.
    Transport,
    /// The caller asked for something that cannot be.
    Usage,
}

/// What another library reported.
type Cause = Box<dyn core::error::Error + Send + Sync>;

/// One step of the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PathSegment {
    Field(Cow<'static, str>),
    Element(usize),
    Subsection(Cow<'static, str>),
}

/// The part of the stream in which a load failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Location {
    /// Anything that has no name of its own in the format, such as `the header` or `the description`.
    Part(Cow<'static, str>),
    /// A section.
    Section {
        /// The section's idstr.
        name: String,
        /// Its instance id.
        instance_id: u32,
        /// Its id in this stream.
        section_id: u32,
        /// The version it was saved at.
        version: u32,
        /// The offset in the stream of the first byte after its header.
        start: u64,
    },
}

/// `serial.recv_fifo.data[3]`, from steps that stand innermost first.
fn path_text(steps: &[PathSegment]) -> String {
    let mut path = String::new();
    for step in steps.iter().rev() {
        match step {
            PathSegment::Field(name) if path.is_empty() => path.push_str(name),
            PathSegment::Field(name) => path.extend([".", name]),
            PathSegment::Element(index) => path.push_str(&format!("[{index}]")),
            PathSegment::Subsection(_) => {}
        }
    }
    path
}

/// `1 byte`, `2 bytes`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
