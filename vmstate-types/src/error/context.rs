//! Location of an error: the part of the stream, and the path to the value in it.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::text::{OneLine, shortened};

/// The part of the stream in which an error happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Location {
    /// A part that the format does not name, such as `the header` or `the description`.
    Part(Cow<'static, str>),
    /// A section.
    Section {
        /// The section's idstr.
        name: String,
        /// The section's instance id.
        instance_id: u32,
        /// The section's id in this stream.
        section_id: u32,
        /// The version of the section's payload.
        version: u32,
        /// The stream offset of the payload's first byte.
        start: u64,
    },
}

impl Location {
    /// Returns the location without the section id and the version.
    pub(super) fn short(&self) -> impl fmt::Display {
        OneLine(match self {
            Self::Part(part) => shortened(part),
            Self::Section { name, instance_id, .. } => format!("section {} (instance {instance_id})", quoted(name)),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(part) => write!(f, "{}", OneLine(shortened(part))),
            Self::Section { name, instance_id, section_id, version, .. } => {
                let name = OneLine(quoted(name));
                write!(f, "section {name} (instance {instance_id}, section id {section_id}, version {version})")
            }
        }
    }
}

/// Returns a name in quotes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", shortened(&name).escape_debug())
}

/// One segment of the path to a value.
enum PathSegment {
    Field(Cow<'static, str>),
    Element(usize),
    Subsection(Cow<'static, str>),
}

/// The location of an error, as far as it is known.
#[derive(Default)]
pub(super) struct Context {
    /// Innermost segment first: the order in which callers add them.
    path: Vec<PathSegment>,
    location: Option<Location>,
}

impl Context {
    pub(super) fn push_field(&mut self, name: Cow<'static, str>) {
        self.path.push(PathSegment::Field(name));
    }

    pub(super) fn push_element(&mut self, index: usize) {
        self.path.push(PathSegment::Element(index));
    }

    pub(super) fn push_subsection(&mut self, name: Cow<'static, str>) {
        self.path.push(PathSegment::Subsection(name));
    }

    /// Sets the location unless an inner caller, which knows it better, has set it.
    pub(super) fn or_location(&mut self, location: impl FnOnce() -> Location) {
        self.location.get_or_insert_with(location);
    }

    pub(super) fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }

    /// Returns the path without subsections, whose fields belong to the struct: `serial.recv_fifo.data[3]`.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for segment in self.path.iter().rev() {
            match segment {
                PathSegment::Field(name) if path.is_empty() => path.push_str(name),
                PathSegment::Field(name) => path.extend([".", name]),
                PathSegment::Element(index) => path.extend(["[", &index.to_string(), "]"]),
                PathSegment::Subsection(_) => {}
            }
        }
        path
    }

    /// Returns the innermost subsection.
    pub(super) fn subsection(&self) -> Option<&str> {
        self.path.iter().find_map(|segment| match segment {
            PathSegment::Subsection(name) => Some(&**name),
            _ => None,
        })
    }
}
