//! JSON as people review it: short objects on one line, so that a field is a line.

use std::borrow::Cow;
use std::fmt::{Display, Write};

use serde::Serialize;

use crate::schema::SchemaError;
use crate::schema::vmdesc::{Json, quote};

/// The longest line that is made of an object.
const WIDTH: usize = 120;
/// The shortest limit without indentation: deep inside, short objects are still on one line.
const LEAST: usize = 60;

/// Returns the JSON text of `value`, keys in the order of its declaration.
///
/// # Errors
/// Returns an error if a parser would reject the text, because values are nested too deeply or too many.
pub(super) fn text(value: &impl Serialize) -> Result<String, SchemaError> {
    let failed = |error| SchemaError::new("a schema that can be read again", error);
    let compact = serde_json::to_string(value).map_err(failed)?;
    let json: Json<'_> = serde_json::from_str(&compact).map_err(failed)?;
    let mut out = String::new();
    push(&mut out, &json, 0);
    out.push('\n');
    Ok(out)
}

fn push(out: &mut String, json: &Json<'_>, indent: usize) {
    match json {
        Json::Array(items) if has_structure(items) => {
            let items = items.iter().map(|item| (None, item));
            block(out, ('[', ']'), items, indent);
        }
        Json::Object(entries) => match Line::short(json, WIDTH.saturating_sub(indent).max(LEAST)) {
            Some(line) if indent > 0 => out.push_str(&line),
            _ => block(out, ('{', '}'), entries.iter().map(|(key, item)| (Some(&**key), item)), indent),
        },
        _ => out.push_str(&Line::long(json)),
    }
}

fn block<'a, 'j: 'a>(
    out: &mut String,
    (open, close): (char, char),
    items: impl Iterator<Item = (Option<&'a str>, &'a Json<'j>)>,
    indent: usize,
) {
    out.push(open);
    for (index, (key, item)) in items.enumerate() {
        out.push_str(if index > 0 { ",\n" } else { "\n" });
        out.push_str(&" ".repeat(indent + 2));
        if let Some(key) = key {
            quote(out, key);
            out.push_str(": ");
        }
        push(out, item, indent + 2);
    }
    out.push('\n');
    out.push_str(&" ".repeat(indent));
    out.push(close);
}

fn has_structure(items: &[Json<'_>]) -> bool {
    items.iter().any(|item| matches!(item, Json::Array(_) | Json::Object(_)))
}

/// A value on one line.
struct Line {
    text: String,
    /// The maximum length. Writing stops beyond it, so that an attempt costs little however large the value is.
    width: usize,
}

/// The reason why a value is not written on one line.
struct TooLong;

impl Line {
    /// Returns the value on one line of at most `width` characters without arrays of objects.
    fn short(json: &Json<'_>, width: usize) -> Option<String> {
        let mut line = Self { text: String::new(), width };
        line.value(json).ok().map(|()| line.text)
    }

    /// Returns a scalar or an array of scalars on one line.
    fn long(json: &Json<'_>) -> String {
        let mut line = Self { text: String::new(), width: usize::MAX };
        // Without a limit, writing cannot fail.
        let _ = line.value(json);
        line.text
    }

    fn value(&mut self, json: &Json<'_>) -> Result<(), TooLong> {
        match json {
            Json::Null => self.text.push_str("null"),
            Json::Bool(value) => self.show(value),
            Json::Integer(value) => self.show(value),
            Json::String(value) => quote(&mut self.text, value),
            Json::Array(items) => self.array(items)?,
            Json::Object(entries) => self.object(entries)?,
        }
        if self.text.len() > self.width { Err(TooLong) } else { Ok(()) }
    }

    fn array(&mut self, items: &[Json<'_>]) -> Result<(), TooLong> {
        self.text.push('[');
        for (index, item) in items.iter().enumerate() {
            if matches!(item, Json::Array(_) | Json::Object(_)) {
                return Err(TooLong);
            }
            self.separator(index);
            self.value(item)?;
        }
        self.text.push(']');
        Ok(())
    }

    fn object(&mut self, entries: &[(Cow<'_, str>, Json<'_>)]) -> Result<(), TooLong> {
        self.text.push('{');
        for (index, (key, value)) in entries.iter().enumerate() {
            self.separator(index);
            quote(&mut self.text, key);
            self.text.push_str(": ");
            self.value(value)?;
        }
        self.text.push('}');
        Ok(())
    }

    fn separator(&mut self, index: usize) {
        self.text.push_str(if index > 0 { ", " } else { "" });
    }

    fn show(&mut self, value: impl Display) {
        // A `String` accepts everything.
        let _ = write!(self.text, "{value}");
    }
}
