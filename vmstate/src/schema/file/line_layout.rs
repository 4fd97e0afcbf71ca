//! JSON as people review it: short objects on one line, so that a field is a line.

use serde::Serialize;

use crate::schema::vmdesc::{Json, quote};

/// The longest line that is made of an object.
const WIDTH: usize = 120;

/// The JSON text of `value`, keys in the order of its declaration.
pub(super) fn text(value: &impl Serialize) -> String {
    // Serializing the model into text cannot fail, and the text is valid JSON.
    let compact = serde_json::to_string(value).unwrap_or_default();
    let json: Json<'_> = serde_json::from_str(&compact).unwrap_or(Json::Null);
    let mut out = String::new();
    push(&mut out, &json, 0);
    out.push('\n');
    out
}

fn push(out: &mut String, json: &Json<'_>, indent: usize) {
    let line = line(json);
    match json {
        Json::Array(items) if has_structure(json) => {
            let items = items.iter().map(|item| (None, item));
            block(out, ('[', ']'), items, indent);
        }
        Json::Object(entries) if indent == 0 || has_lists(json) || indent + line.len() > WIDTH => {
            let items = entries.iter().map(|(key, item)| (Some(&**key), item));
            block(out, ('{', '}'), items, indent);
        }
        _ => out.push_str(&line),
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

/// Returns whether the value contains an array of objects.
fn has_lists(json: &Json<'_>) -> bool {
    match json {
        Json::Array(_) => has_structure(json),
        Json::Object(entries) => entries.iter().any(|(_, value)| has_lists(value)),
        _ => false,
    }
}

fn has_structure(array: &Json<'_>) -> bool {
    matches!(array, Json::Array(items) if items.iter().any(|item| matches!(item, Json::Array(_) | Json::Object(_))))
}

/// All of it on one line.
fn line(json: &Json<'_>) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Integer(value) => value.to_string(),
        Json::String(value) => quoted(value),
        Json::Array(items) => format!("[{}]", items.iter().map(line).collect::<Vec<_>>().join(", ")),
        Json::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}: {}", quoted(key), line(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    quote(&mut out, text);
    out
}
