//! JSON as `-dump-vmstate` spaces it: two spaces a level, and an empty line in empty arrays.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;
use vmstate_types::text::json_fragment;

use crate::schema::SchemaError;

/// The deepest nesting of JSON that `serde_json` reads.
const MAX_DEPTH: usize = 127;

/// Returns the text of `value`, with the newline at its end.
///
/// # Errors
/// Returns an error if a parser would reject the text, because it is nested too deeply.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, SchemaError> {
    let failed = |error: &dyn Display| SchemaError::new("a dump that can be read again", error);
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Layout::default());
    value.serialize(&mut serializer).map_err(|error| failed(&error))?;
    out.push(b'\n');
    String::from_utf8(out).map_err(|error| failed(&error))
}

/// QEMU's layout (`dump_vmstate_json_to_file` in `migration/savevm.c`).
#[derive(Default)]
struct Layout {
    depth: usize,
    has_value: bool,
}

impl Layout {
    fn begin<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(io::Error::other(format!("more than {MAX_DEPTH} levels of nesting")));
        }
        self.has_value = false;
        out.write_all(bracket)
    }

    fn next<W: ?Sized + Write>(&self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        self.line(out)
    }

    fn line<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        write!(out, "\n{}", " ".repeat(2 * self.depth))
    }

    fn end<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if !self.has_value {
            out.write_all(b"\n")?;
        }
        self.has_value = true;
        self.line(out)?;
        out.write_all(bracket)
    }
}

impl Formatter for Layout {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        write!(out, "{}", json_fragment(fragment))
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"[")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"]")
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"{")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"}")
    }
}
