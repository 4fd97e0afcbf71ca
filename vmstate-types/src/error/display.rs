//! Errors as one line of text, for logs and for callers that wrap them.

use core::fmt::{self, Display, Formatter};

use super::context::Context;
use super::{LoadError, SaveError};
use crate::text::{OneLine, shortened};

impl Display for LoadError {
    /// Writes one line; `{:#}` writes the [report](Self::report).
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return write!(f, "{}", self.report());
        }
        write_context(f, &self.0.context)?;
        match &self.0.summary {
            Some(summary) => OneLine(summary).fmt(f)?,
            None => OneLine(format_args!("expected {}, found {}", self.expected(), self.found())).fmt(f)?,
        }
        if let Some(offset) = self.offset() {
            write!(f, " (byte {offset:#x} of the {})", self.input())?;
        }
        match self.unrestored() {
            Some(devices) => write!(f, "; not restored: {}", OneLine(devices)),
            None => Ok(()),
        }
    }
}

impl LoadError {
    /// Returns the name of the input that the offset counts from. A device can be loaded without a stream.
    pub(super) fn input(&self) -> &'static str {
        if self.location().is_some() { "stream" } else { "input" }
    }
}

impl Display for SaveError {
    /// Writes one line; `{:#}` writes the [report](Self::report).
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return write!(f, "{}", self.report());
        }
        write_context(f, &self.0.context)?;
        OneLine(self.reason()).fmt(f)
    }
}

/// Writes `section "serial" (instance 0): field serial.divider: `, as far as it is known.
fn write_context(f: &mut Formatter<'_>, context: &Context) -> fmt::Result {
    if let Some(location) = context.location() {
        write!(f, "{}: ", location.short())?;
    }
    let path = context.path();
    if path.is_empty() {
        return Ok(());
    }
    write!(f, "field {}", OneLine(shortened(&path)))?;
    if let Some(subsection) = context.subsection() {
        write!(f, " (subsection \"{}\")", OneLine(shortened(&subsection)))?;
    }
    f.write_str(": ")
}

// The report: `main` and `unwrap` show errors by `Debug`. Written by hand because derived code would be compiled into
// every crate that unwraps a result.
impl fmt::Debug for LoadError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.report())
    }
}

impl fmt::Debug for SaveError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
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
        assert_eq!(
            error.to_string(),
            "field serial.count: expected at most 16, found 4096 (byte 0x58241 of the input)"
        );
        assert_eq!(
            error.in_location(|| section("serial")).to_string(),
            "section \"serial\" (instance 0): field serial.count: expected at most 16, found 4096 (byte 0x58241 of the stream)"
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

    /// An error in which every text has `text`.
    fn full(text: &str) -> LoadError {
        let text = String::from(text);
        LoadError::malformed(text.clone(), &text)
            .with_summary(text.clone())
            .or_advice(text.clone())
            .with_qemu_message(text.clone())
            .with_diagnosis(text.clone())
            .in_field(text.clone())
            .in_subsection(text.clone())
            .in_field(text.clone())
            .in_location(|| section(&text))
    }

    #[test]
    fn hidden_characters_are_escaped_in_all_texts() {
        for text in ["\u{1b}[2J", "\u{9b}2J", "a\rb", "a\nb", "\u{202e}cba", "a\u{200b}b", "e\u{301}", "\u{3164}"] {
            let save = SaveError::rejected(text).in_field(text).in_location(|| section(text));
            let part = LoadError::malformed("1", 2).in_location(|| Location::Part(text.into()));
            for error in [full(text).to_string(), save.to_string(), part.to_string()] {
                assert!(error.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{error:?}");
            }
            for report in [full(text).report().to_string(), save.report().to_string(), part.report().to_string()] {
                assert!(report.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')), "{report:?}");
                let is_row = |line: &str| line.starts_with("  ") || line.starts_with("cannot ");
                assert!(report.lines().all(is_row), "{report:?}");
            }
        }
    }

    #[test]
    fn messages_are_bounded() {
        // Miri would need minutes for more.
        let text = "\u{e0041}".repeat(if cfg!(miri) { 1 << 11 } else { 1 << 20 });
        let length = format!("... ({} bytes)", text.len());
        let save = SaveError::rejected(&text).in_field(text.clone()).in_location(|| section(&text));
        let error = full(&text);
        for message in [error.to_string(), error.report().to_string(), save.to_string(), save.report().to_string()] {
            assert!(message.len() < 32 << 10, "{} bytes", message.len());
            assert!(message.contains(&length), "{message}");
        }
        assert!(error.found().len() < 2048, "{} bytes are held", error.found().len());
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
