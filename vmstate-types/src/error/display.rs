//! Errors as one line of text, for logs and for callers that wrap them.

use core::fmt::{self, Write};

use super::context::Context;
use super::{LoadError, SaveError};

/// Escapes control characters, so that a name from the stream cannot break the line.
struct OneLine<'a, W>(&'a mut W);

impl<W: Write> Write for OneLine<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(char::is_control) {
            match part.chars().next_back() {
                Some(last) if last.is_control() => {
                    self.0.write_str(part.strip_suffix(last).unwrap_or_default())?;
                    write!(self.0, "{}", last.escape_debug())?;
                }
                _ => self.0.write_str(part)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for LoadError {
    /// Writes one line; `{:#}` writes the [report](Self::report).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return write!(f, "{}", self.report());
        }
        let mut line = OneLine(f);
        write_context(&mut line, &self.0.context)?;
        match &self.0.summary {
            Some(summary) => line.write_str(summary)?,
            None => write!(line, "expected {}, found {}", self.expected(), self.found())?,
        }
        match self.offset() {
            Some(offset) => write!(line, " (byte {offset:#x})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for SaveError {
    /// Writes one line; `{:#}` writes the [report](Self::report).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return write!(f, "{}", self.report());
        }
        let mut line = OneLine(f);
        write_context(&mut line, &self.0.context)?;
        line.write_str(self.reason())
    }
}

/// Writes `section "serial" (instance 0): field serial.divider: `, as far as it is known.
fn write_context(line: &mut impl Write, context: &Context) -> fmt::Result {
    if let Some(location) = context.location() {
        location.write_short(line)?;
        line.write_str(": ")?;
    }
    let path = context.path();
    if path.is_empty() {
        return Ok(());
    }
    write!(line, "field {path}")?;
    if let Some(subsection) = context.subsection() {
        write!(line, " (subsection \"{subsection}\")")?;
    }
    line.write_str(": ")
}

// The report: `main` and `unwrap` show errors by `Debug`. Written by hand because derived code would be compiled into
// every crate that unwraps a result.
impl fmt::Debug for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.report())
    }
}

impl fmt::Debug for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.report())
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::error::Location;

    fn section(name: &str) -> Location {
        Location::Section { name: name.into(), instance_id: 0, section_id: 12, version: 3, start: 0x58000 }
    }

    #[test]
    fn load_error_is_one_line_with_location() {
        let error = LoadError::malformed("at most 16", 4096).at_offset(0x58241).in_field("count").in_field("serial");
        assert_eq!(error.to_string(), "field serial.count: expected at most 16, found 4096 (byte 0x58241)");
        assert_eq!(
            error.in_location(|| section("serial")).to_string(),
            "section \"serial\" (instance 0): field serial.count: expected at most 16, found 4096 (byte 0x58241)"
        );
        let error = LoadError::malformed("1", 2).in_field("id").in_subsection("dev/extra").in_field("dev");
        assert_eq!(error.to_string(), "field dev.id (subsection \"dev/extra\"): expected 1, found 2");
    }

    #[test]
    fn summary_replaces_expected_and_found() {
        let error = LoadError::rejected("`post_load` of `dev` to accept the state", "no divider");
        let error = error.with_summary("`post_load` failed: no divider").in_field("dev");
        assert_eq!(error.to_string(), "field dev: `post_load` failed: no divider");
        assert!(error.report().to_string().ends_with("\n  found     no divider"));
    }

    #[test]
    fn save_error_is_one_line_with_location() {
        let error = SaveError::rejected("out of buffers").in_element(1).in_field("pairs").in_field("dev");
        assert_eq!(error.to_string(), "field dev.pairs[1]: out of buffers");
        let error = error.in_location(|| section("dev"));
        assert_eq!(error.to_string(), "section \"dev\" (instance 0): field dev.pairs[1]: out of buffers");
    }

    #[test]
    fn control_characters_do_not_break_the_line() {
        let error =
            LoadError::malformed("a name", "\"a\nb\"").in_field("evil\r\nfield").in_location(|| section("x\ny"));
        assert_eq!(
            error.to_string(),
            "section \"x\\ny\" (instance 0): field evil\\r\\nfield: expected a name, found \"a\\nb\""
        );
        assert_eq!(SaveError::rejected("a\u{1b}[31m\nb").to_string(), "a\\u{1b}[31m\\nb");
    }

    #[test]
    fn debug_and_alternate_display_are_the_report() {
        let error = LoadError::malformed("1", 2);
        assert_eq!(format!("{error:?}"), error.report().to_string());
        assert_eq!(format!("{error:#}"), error.report().to_string());
        let error = SaveError::rejected("no");
        assert_eq!(format!("{error:?}"), error.report().to_string());
        assert_eq!(format!("{error:#}"), error.report().to_string());
    }
}
