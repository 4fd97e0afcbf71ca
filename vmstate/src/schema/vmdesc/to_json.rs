//! From the typed model to text, as QEMU's JSON writer spaces and escapes it.

use std::fmt::Write;

use super::{ArrayPart, Document, Json, Nested, SentBody, SentField, SentSection, SentStruct};

impl Document {
    /// The text that QEMU writes for this description.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = Text::default();
        text.object(|text| document(text, self));
        text.out
    }
}

impl SentSection {
    /// The object that QEMU writes for this section.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = Text::default();
        text.object(|text| device(text, self));
        text.out
    }
}

impl SentStruct {
    /// The object that QEMU writes for this struct.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = Text::default();
        text.object(|text| structure(text, self));
        text.out
    }
}

/// Appends `text` as a JSON string, escaped as QEMU's `json_writer` does: all but printable ASCII.
pub(in crate::schema) fn quote(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(char),
            // A `String` takes everything.
            _ => char.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                let _ = write!(out, "\\u{unit:04X}");
            }),
        }
    }
    out.push('"');
}

fn document(text: &mut Text, document: &Document) {
    if let Some(configuration) = &document.configuration {
        unknown(text, document, Some("configuration"));
        text.key("configuration");
        text.object(|text| structure(text, configuration));
    }
    unknown(text, document, Some("page_size"));
    text.number("page_size", document.page_size);
    unknown(text, document, Some("devices"));
    text.list("devices", &document.devices, device);
    unknown(text, document, None);
}

/// Writes the unknown keys that precede the key `before`, or the end.
fn unknown(text: &mut Text, document: &Document, before: Option<&str>) {
    for extra in document.extra.iter().filter(|extra| extra.before == before) {
        text.key(&extra.key);
        json(text, &extra.value);
    }
}

fn device(text: &mut Text, device: &SentSection) {
    text.string("name", &device.name);
    text.number("instance_id", device.instance_id);
    match &device.body {
        SentBody::State(state) => structure(text, state),
        SentBody::OldStyle(size) => {
            text.number("size", size);
            text.list("fields", &[size], |text, size| {
                text.string("name", "data");
                text.number("size", size);
                text.string("type", "buffer");
            });
        }
    }
}

fn structure(text: &mut Text, structure: &SentStruct) {
    text.string("vmsd_name", &structure.vmsd_name);
    text.number("version", structure.version);
    text.list("fields", &structure.fields, field);
    if !structure.subsections.is_empty() {
        text.list("subsections", &structure.subsections, self::structure);
    }
}

fn field(text: &mut Text, field: &SentField) {
    text.string("name", &field.name);
    match field.array {
        ArrayPart::None => {}
        ArrayPart::Index(index) => text.number("index", index),
        ArrayPart::Len(count) => text.number("array_len", count),
    }
    text.string("type", &field.type_name);
    match &field.nested {
        Nested::None => {}
        Nested::Empty => {
            text.key("struct");
            text.object(|_| ());
        }
        Nested::Struct(inner) => {
            text.key("struct");
            text.object(|text| structure(text, inner));
        }
        Nested::Inline(structs) => structs.iter().for_each(|inner| structure(text, inner)),
    }
    text.number("size", field.size);
}

fn json(text: &mut Text, value: &Json<'_>) {
    match value {
        Json::Null => text.out.push_str("null"),
        Json::Bool(value) => text.show(value),
        Json::Integer(value) => text.show(value),
        Json::String(value) => text.quote(value),
        Json::Array(values) => text.array(values, json),
        Json::Object(entries) => text.object(|text| {
            for (key, value) in entries {
                text.key(key);
                json(text, value);
            }
        }),
    }
}

/// Text under construction.
#[derive(Default)]
struct Text {
    out: String,
    /// Set if the next key or element needs a separator.
    separate: bool,
}

impl Text {
    fn object(&mut self, inside: impl FnOnce(&mut Self)) {
        self.nest('{', inside, '}');
    }

    fn array<T>(&mut self, values: &[T], each: impl Fn(&mut Self, &T)) {
        self.nest(
            '[',
            |text| {
                for value in values {
                    text.separator();
                    each(text, value);
                }
            },
            ']',
        );
    }

    /// A key and an array of objects.
    fn list<T>(&mut self, key: &str, values: &[T], each: impl Fn(&mut Self, &T)) {
        self.key(key);
        self.array(values, |text, value| text.object(|text| each(text, value)));
    }

    fn nest(&mut self, open: char, inside: impl FnOnce(&mut Self), close: char) {
        self.out.push(open);
        self.separate = false;
        inside(self);
        self.out.push(close);
        self.separate = true;
    }

    fn separator(&mut self) {
        if self.separate {
            self.out.push_str(", ");
        }
        self.separate = true;
    }

    fn key(&mut self, key: &str) {
        self.separator();
        self.quote(key);
        self.out.push_str(": ");
    }

    fn string(&mut self, key: &str, value: &str) {
        self.key(key);
        self.quote(value);
    }

    fn number(&mut self, key: &str, value: impl std::fmt::Display) {
        self.key(key);
        self.show(value);
    }

    fn show(&mut self, value: impl std::fmt::Display) {
        // A `String` takes everything.
        let _ = write!(self.out, "{value}");
    }

    fn quote(&mut self, text: &str) {
        quote(&mut self.out, text);
    }
}
