//! Printing of untrusted text: on one line, without invisible characters, and with a bounded length.
//!
//! Names in streams are chosen by their sender. Printed as they are, they can move a terminal's cursor, imitate other
//! lines of a log, or reverse the order of the characters around them. All messages of the libraries and all output of
//! the command line tool escape text with this module.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt::{self, Display, Write};

/// The number of bytes of a value that messages contain. Longer values are truncated, and their length is added.
pub const MAX_SHOWN: usize = 1024;

/// Letters that Unicode displays as nothing (`Default_Ignorable_Code_Point`).
const INVISIBLE_LETTERS: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];

/// Returns whether a character is invisible or changes how the text around it is displayed.
///
/// This applies to control characters (C0, C1 and DEL), line separators, spaces other than U+0020, bidirectional and
/// other format characters, combining marks, invisible letters, and code points without a character.
///
/// ```
/// use vmstate_types::text::is_hidden;
///
/// assert!(['\n', '\u{1b}', '\u{9b}', '\u{202e}', '\u{200b}', '\u{301}'].into_iter().all(is_hidden));
/// assert!(!['a', ' ', '"', '\\', 'ä', '猫'].into_iter().any(is_hidden));
/// ```
#[must_use]
pub fn is_hidden(char: char) -> bool {
    match char {
        ' '..='~' => false,
        // The table of printable characters is in `core`. A character that it does not escape is one character long.
        _ => char.escape_debug().len() != 1 || INVISIBLE_LETTERS.contains(&char),
    }
}

/// Returns `text` with escaped [hidden](is_hidden) characters.
///
/// ```
/// use vmstate_types::text::printable;
///
/// assert_eq!(printable("serial").to_string(), "serial");
/// assert_eq!(printable("\x1b[2J\n\u{202e}").to_string(), r"\u{1b}[2J\n\u{202e}");
/// ```
#[must_use]
pub fn printable(text: &str) -> OneLine<&str> {
    OneLine(text)
}

/// A value whose `Display` escapes [hidden](is_hidden) characters, line breaks included.
#[derive(Debug, Clone, Copy)]
pub struct OneLine<D>(pub D);

impl<D: Display> Display for OneLine<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { to: f, escape: write_escaped }, "{}", self.0)
    }
}

/// Returns the inside of a JSON string with all [hidden](is_hidden) characters as `\uXXXX`.
///
/// Quotes, backslashes and ASCII control characters must have been escaped before, which JSON writers do.
///
/// ```
/// use vmstate_types::text::json_fragment;
///
/// assert_eq!(json_fragment("a\u{9b}\u{e0001}").to_string(), r"a\u009b\udb40\udc01");
/// ```
#[must_use]
pub fn json_fragment(fragment: &str) -> JsonFragment<'_> {
    JsonFragment(fragment)
}

/// The result of [`json_fragment`].
#[derive(Debug, Clone, Copy)]
pub struct JsonFragment<'a>(&'a str);

impl Display for JsonFragment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaping { to: f, escape: write_utf16 }.write_str(self.0)
    }
}

/// Returns the text of `value`, or its beginning and its length if it has more than [`MAX_SHOWN`] bytes.
///
/// The rest is not stored at any time.
///
/// ```
/// use vmstate_types::text::shortened;
///
/// assert_eq!(shortened(&"short"), "short");
/// assert!(shortened(&"a".repeat(5000)).ends_with("aaa... (5000 bytes)"));
/// ```
#[must_use]
pub fn shortened(value: &dyn Display) -> String {
    let mut beginning = Beginning::default();
    // `Beginning` accepts everything.
    let _ = write!(beginning, "{value}");
    beginning.finish()
}

/// Shortens an owned text.
pub(crate) fn shortened_cow(text: Cow<'static, str>) -> Cow<'static, str> {
    if text.len() > MAX_SHOWN { shortened(&text).into() } else { text }
}

/// The first bytes of a text, and the length of all of it.
#[derive(Default)]
struct Beginning {
    text: String,
    length: usize,
}

impl Beginning {
    fn finish(mut self) -> String {
        if self.length > self.text.len() {
            // `Beginning` writes to a `String`, which cannot fail.
            let _ = write!(self.text, "... ({} bytes)", self.length);
        }
        self.text
    }
}

impl Write for Beginning {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if self.length == self.text.len() {
            self.text.push_str(beginning(more, MAX_SHOWN.saturating_sub(self.length)));
        }
        self.length = self.length.saturating_add(more.len());
        Ok(())
    }
}

/// Returns as many whole characters of `text` as fit into `bytes`.
fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// A writer that escapes hidden characters.
struct Escaping<'a, W> {
    to: &'a mut W,
    escape: fn(&mut W, char) -> fmt::Result,
}

impl<W: Write> Write for Escaping<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(is_hidden) {
            match part.chars().next_back().filter(|last| is_hidden(*last)) {
                Some(last) => {
                    self.to.write_str(part.strip_suffix(last).unwrap_or_default())?;
                    (self.escape)(self.to, last)?;
                }
                None => self.to.write_str(part)?,
            }
        }
        Ok(())
    }
}

fn write_escaped(to: &mut impl Write, char: char) -> fmt::Result {
    match char {
        '\0' | '\t' | '\r' | '\n' => write!(to, "{}", char.escape_debug()),
        _ => write!(to, "{}", char.escape_unicode()),
    }
}

fn write_utf16(to: &mut impl Write, char: char) -> fmt::Result {
    char.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(to, "\\u{unit:04x}"))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn terminal_controls_are_hidden() {
        let controls = (0..0x20).chain(0x7f..0xa0).filter_map(char::from_u32);
        let formats = ('\u{200b}'..='\u{200f}').chain('\u{2028}'..='\u{202e}').chain('\u{2060}'..='\u{2069}');
        for char in controls.chain(formats).chain(['\u{ad}', '\u{61c}', '\u{feff}', '\u{e0041}', '\u{3164}', '\u{a0}'])
        {
            let text = printable(&format!("a{char}b")).to_string();
            assert!(text.starts_with("a\\") && text.ends_with('b') && text.is_ascii(), "{text:?}");
            assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text:?}");
        }
    }

    #[test]
    fn visible_text_is_unchanged() {
        for text in ["", "0000:00:02.0/e1000", "\"quoted\" \\ 'text'", "Gerät, 装置, 🖥"] {
            assert_eq!((printable(text).to_string(), json_fragment(text).to_string()), (text.into(), text.into()));
        }
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let text = "é".repeat(MAX_SHOWN);
        let odd = format!("a{text}");
        for (text, shown) in [(&text, MAX_SHOWN), (&odd, MAX_SHOWN - 1)] {
            let expected = format!("{}... ({} bytes)", &text[..shown], text.len());
            assert_eq!(shortened(text), expected);
        }
        // Written in parts, of which a later one would fit again.
        let parts = format!("{}éb", "a".repeat(MAX_SHOWN - 1));
        let written = shortened(&format_args!("{}{}{}", "a".repeat(MAX_SHOWN - 1), "é", "b"));
        assert_eq!((written.as_str(), parts.len()), (&*format!("{}... (1026 bytes)", "a".repeat(1023)), 1026));
    }
}
