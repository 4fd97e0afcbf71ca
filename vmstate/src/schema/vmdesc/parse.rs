//! Parses JSON into the typed model.
//!
//! The keys of each object must be in QEMU's order. A general JSON object would lose the order and the repeated keys,
//! so the text could not be reproduced.

use std::borrow::Cow;
use std::vec;

use vmstate_types::LoadError;
use vmstate_types::error::Location;

use super::{
    ArrayPart, Document, Extra, Json, Located, MAX_NAME, MAX_TEXT, Name, Nested, SentBody, SentField, SentSection,
    SentStruct, locate,
};
use crate::checksum;

impl Document {
    /// Parses a description whose first byte is at `offset` of the stream.
    ///
    /// # Errors
    /// Returns an error if `text` is not JSON, or not a description. The error names the device, the field, and the
    /// missing or unexpected key.
    pub fn parse(text: &[u8], offset: u64) -> Result<Self, LoadError> {
        parse(text, offset).map_err(|error| error.in_location(|| Location::Part("the description".into())))
    }

    /// Parses the description at the end of `stream`, which must be complete and can have a [checksum]. Returns `None`
    /// if the stream has no description.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn from_stream(stream: &[u8]) -> Result<Option<Self>, LoadError> {
        let stream = checksum::contents(stream);
        match locate(stream) {
            Located::At(start) => Self::parse(stream.get(start..).unwrap_or_default(), start as u64).map(Some),
            Located::Absent | Located::More => Ok(None),
        }
    }
}

fn parse(text: &[u8], offset: u64) -> Result<Document, LoadError> {
    if text.len() > MAX_TEXT {
        return Err(LoadError::malformed(format!("at most {MAX_TEXT} bytes of text"), text.len()).at_offset(offset));
    }
    Json::parse(text, offset).and_then(Keys::from_json).and_then(document).map_err(|error| error.at_offset(offset))
}

fn document(keys: Keys<'_>) -> Result<Document, LoadError> {
    let (mut keys, extra) = keys.split_unknown();
    let configuration = match keys.take_if("configuration") {
        Some(json) => Some(structure(json).map_err(|error| within(error, "the description of the configuration"))?),
        None => None,
    };
    let page_size = integer(keys.take("page_size")?)?;
    let devices = array(keys.take("devices")?)?.map(device).collect::<Result<_, _>>()?;
    keys.end()?;
    Ok(Document { configuration, page_size, devices, extra })
}

fn device(json: Json<'_>) -> Result<SentSection, LoadError> {
    let mut keys = Keys::from_json(json)?;
    let name = name(keys.take("name")?)?;
    let place = format!("the description of \"{}\"", name.escape_debug());
    device_body(name, keys).map_err(|error| within(error, place))
}

fn device_body(name: Name, mut keys: Keys<'_>) -> Result<SentSection, LoadError> {
    let instance_id = integer(keys.take("instance_id")?)?;
    let body = match keys.take_if("size") {
        Some(size) => SentBody::OldStyle(old_style(integer(size)?, keys)?),
        None => SentBody::State(structure_keys(&mut keys).and_then(|state| keys.end().map(|()| state))?),
    };
    Ok(SentSection { name, instance_id, body })
}

/// Parses the rest of an old-style section: a single buffer.
fn old_style(size: u64, mut keys: Keys<'_>) -> Result<u64, LoadError> {
    let mut fields = array(keys.take("fields")?)?;
    let Some(data) = fields.next() else { return Err(LoadError::malformed("a field `data`", "no field")) };
    let mut data = Keys::from_json(data)?;
    let data = (name(data.take("name")?)?, integer::<u64>(data.take("size")?)?, name(data.take("type")?)?, data.end()?);
    if (&*data.0, data.1, &*data.2) != ("data", size, "buffer") || fields.next().is_some() {
        let found = format!("a field `{}` with type `{}` and size {}", data.0, data.2, data.1);
        return Err(LoadError::malformed(format!("a single `buffer` named `data` of {size} bytes"), found));
    }
    keys.end()?;
    Ok(size)
}

fn structure(json: Json<'_>) -> Result<SentStruct, LoadError> {
    let mut keys = Keys::from_json(json)?;
    let state = structure_keys(&mut keys)?;
    keys.end()?;
    Ok(state)
}

fn structure_keys(keys: &mut Keys<'_>) -> Result<SentStruct, LoadError> {
    let vmsd_name = name(keys.take("vmsd_name")?)?;
    let version = integer(keys.take("version")?)?;
    let fields = array(keys.take("fields")?)?.map(field).collect::<Result<_, _>>()?;
    let subsections = match keys.take_if("subsections") {
        Some(json) => subsections(json)?,
        None => Vec::new(),
    };
    Ok(SentStruct { vmsd_name, version, fields, subsections })
}

fn subsections(json: Json<'_>) -> Result<Vec<SentStruct>, LoadError> {
    let subsections: Vec<_> = array(json)?.map(structure).collect::<Result<_, _>>()?;
    if subsections.is_empty() {
        return Err(LoadError::malformed("one subsection or more", "an empty array `subsections`"));
    }
    Ok(subsections)
}

fn field(json: Json<'_>) -> Result<SentField, LoadError> {
    let mut keys = Keys::from_json(json)?;
    let name = name(keys.take("name")?)?;
    match field_keys(name.clone(), keys) {
        Ok(field) => Ok(field),
        Err(error) => Err(error.in_field(String::from(&*name))),
    }
}

fn field_keys(name: Name, mut keys: Keys<'_>) -> Result<SentField, LoadError> {
    let array = match (keys.take_if("index"), keys.take_if("array_len")) {
        (Some(index), None) => ArrayPart::Index(integer(index)?),
        (None, Some(count)) => ArrayPart::Len(integer(count)?),
        (None, None) => ArrayPart::None,
        (Some(_), Some(_)) => return Err(LoadError::malformed("`index` or `array_len`", "both")),
    };
    let type_name = self::name(keys.take("type")?)?;
    let nested = nested(&mut keys)?;
    let size = integer(keys.take("size")?)?;
    keys.end()?;
    Ok(SentField { name, array, type_name, nested, size })
}

fn nested(keys: &mut Keys<'_>) -> Result<Nested, LoadError> {
    match keys.take_if("struct") {
        Some(Json::Object(entries)) if entries.is_empty() => Ok(Nested::Empty),
        Some(json) => structure(json).map(Nested::Struct),
        None => {
            // QEMU writes the keys of a list's elements into one object, so keys repeat
            // (`put_qtailq` saves each element while the object of the field is open).
            let mut structs = Vec::new();
            while keys.next_is("vmsd_name") {
                structs.push(structure_keys(keys)?);
            }
            Ok(if structs.is_empty() { Nested::None } else { Nested::Inline(structs) })
        }
    }
}

/// The remaining keys of an object.
struct Keys<'a> {
    rest: vec::IntoIter<(Cow<'a, str>, Json<'a>)>,
}

impl<'a> Keys<'a> {
    fn from_json(json: Json<'a>) -> Result<Self, LoadError> {
        match json {
            Json::Object(entries) => Ok(Self { rest: entries.into_iter() }),
            other => Err(LoadError::malformed("an object", other.kind())),
        }
    }

    fn next_is(&self, key: &str) -> bool {
        matches!(self.rest.as_slice().first(), Some((next, _)) if next == key)
    }

    /// Takes the next key's value, if that is `key`.
    fn take_if(&mut self, key: &str) -> Option<Json<'a>> {
        if !self.next_is(key) {
            return None;
        }
        self.rest.next().map(|(_, value)| value)
    }

    /// Takes the next key's value, which must be `key`.
    fn take(&mut self, key: &str) -> Result<Json<'a>, LoadError> {
        let found = self.found();
        self.take_if(key).ok_or_else(|| LoadError::malformed(format!("the key `{key}`"), found))
    }

    /// Returns an error if keys remain.
    fn end(self) -> Result<(), LoadError> {
        match self.rest.as_slice() {
            [] => Ok(()),
            _ => Err(LoadError::malformed("the end of the object", self.found())),
        }
    }

    fn found(&self) -> String {
        match self.rest.as_slice().first() {
            Some((key, _)) => format!("the key `{}`", key.escape_debug()),
            None => "the end of the object".into(),
        }
    }

    /// Separates the unknown top-level keys. Vendors add keys to the description, and loading ignores it.
    fn split_unknown(self) -> (Self, Vec<Extra>) {
        let (mut known, mut extra) = (Vec::new(), Vec::new());
        let mut settled = 0;
        for (key, value) in self.rest {
            match ["configuration", "page_size", "devices"].into_iter().find(|known| *known == key) {
                Some(next) => {
                    extra.iter_mut().skip(settled).for_each(|extra: &mut Extra| extra.before = Some(next));
                    settled = extra.len();
                    known.push((key, value));
                }
                None => extra.push(Extra { before: None, key: key.into_owned(), value: value.into_owned() }),
            }
        }
        (Self { rest: known.into_iter() }, extra)
    }
}

fn name(json: Json<'_>) -> Result<Name, LoadError> {
    match json {
        Json::String(text) if text.len() <= MAX_NAME => Ok(text.into()),
        Json::String(text) => Err(LoadError::malformed(format!("a name of at most {MAX_NAME} bytes"), text.len())),
        other => Err(LoadError::malformed("text", other.kind())),
    }
}

fn integer<T: TryFrom<i128>>(json: Json<'_>) -> Result<T, LoadError> {
    let found = match json {
        Json::Integer(value) => match T::try_from(value) {
            Ok(value) => return Ok(value),
            Err(_) => value.to_string().into(),
        },
        other => other.kind(),
    };
    Err(LoadError::malformed(format!("an integer of {} bits, not negative", 8 * size_of::<T>()), found))
}

fn array(json: Json<'_>) -> Result<vec::IntoIter<Json<'_>>, LoadError> {
    match json {
        Json::Array(values) => Ok(values.into_iter()),
        other => Err(LoadError::malformed("an array", other.kind())),
    }
}

fn within(error: LoadError, part: impl Into<Cow<'static, str>>) -> LoadError {
    error.in_location(|| Location::Part(part.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A description with one device, whose inside is `body`.
    fn with(body: &str) -> String {
        format!(r#"{{"page_size": 4096, "devices": [{{"name": "d", "instance_id": 0, {body}}}]}}"#)
    }

    fn reproduced(text: &str) {
        let document = Document::parse(text.as_bytes(), 0).unwrap_or_else(|error| panic!("{text}\n{error}"));
        assert_eq!(document.to_text(), text);
    }

    #[test]
    fn every_form_is_reproduced() {
        let inner = r#""vmsd_name": "i", "version": 1, "fields": [{"name": "x", "type": "bool", "size": 1}]"#;
        for fields in [
            String::new(),
            r#"{"name": "a", "type": "uint8", "size": 1}"#.into(),
            r#"{"name": "a", "array_len": 3, "type": "uint8", "size": 1}"#.into(),
            format!(r#"{{"name": "a", "index": 0, "type": "struct", "struct": {{{inner}}}, "size": 1}}"#),
            r#"{"name": "a", "array_len": 256, "type": "struct", "struct": {}, "size": 1}"#.into(),
            format!(r#"{{"name": "a", "type": "vstruct", {inner}, "size": 1}}"#),
            r#"{"name": "a", "type": "qtailq", "size": 1}"#.into(),
            format!(r#"{{"name": "a", "type": "qlist", {inner}, {inner}, {inner}, "size": 7}}"#),
            format!(r#"{{"name": "a", "type": "gtree", {inner}, "subsections": [{{{inner}}}], {inner}, "size": 7}}"#),
        ] {
            let state = format!(r#""vmsd_name": "v", "version": 2, "fields": [{fields}]"#);
            reproduced(&with(&state));
            reproduced(&with(&format!(r#"{state}, "subsections": [{{{inner}}}]"#)));
        }
        reproduced(&with(r#""size": 131, "fields": [{"name": "data", "size": 131, "type": "buffer"}]"#));
        reproduced(&format!(r#"{{"configuration": {{{inner}}}, "page_size": 1, "devices": []}}"#));
    }

    #[test]
    fn unknown_top_level_keys_keep_their_places() {
        reproduced(r#"{"a": null, "page_size": 1, "b": [1, -2, {"c": true, "c": {}}], "devices": [], "d": ["x\n"]}"#);
        reproduced(r#"{"page_size": 1, "devices": [], "a": false}"#);
    }

    #[test]
    fn strings_are_escaped_as_qemu_does() {
        let text =
            r#"{"page_size": 1, "devices": [], "a": "\"\\/\b\f\n\r\t\u0001\u001F\u007F\u00E4\u20AC\uD83D\uDE00 ~"}"#;
        reproduced(text);
    }

    #[test]
    fn unexpected_key_is_named() {
        let state = |fields: &str| with(&format!(r#""vmsd_name": "v", "version": 2, "fields": [{fields}]"#));
        for (text, path, expected, found) in [
            (r#"{"page_size": 1.5, "devices": []}"#.into(), "", "JSON text", "fractions"),
            (r#"{"devices": [], "page_size": 1}"#.into(), "", "the key `page_size`", "the key `devices`"),
            ("[]".into(), "", "an object", "an array"),
            (r#"{"page_size": 1, "devices": []} x"#.into(), "", "JSON text", "trailing"),
            (state(r#"{"name": "a", "type": "uint8"}"#), "a", "the key `size`", "the end of the object"),
            (state(r#"{"name": "a", "type": "uint8", "size": 1, "new": 2}"#), "a", "the end", "the key `new`"),
            (state(r#"{"name": "a", "size": 1, "type": "uint8"}"#), "a", "the key `type`", "the key `size`"),
            (state(r#"{"name": "a", "type": "uint8", "size": -1}"#), "a", "64 bits, not negative", "-1"),
            (state(r#"{"name": "a", "type": 7, "size": 1}"#), "a", "text", "7"),
            (state(r#"{"name": "a", "index": 1, "array_len": 2, "type": "b", "size": 1}"#), "a", "`index` or", "both"),
            (with(r#""vmsd_name": "v", "version": 2, "fields": [], "subsections": []"#), "", "one subsection", "empty"),
            (with(r#""size": 2, "fields": [{"name": "data", "size": 3, "type": "buffer"}]"#), "", "2 bytes", "size 3"),
            (with(r#""size": 2, "fields": []"#), "", "a field `data`", "no field"),
        ] {
            let error = Document::parse(text.as_bytes(), 100).expect_err(&text);
            assert_eq!(error.path(), path, "{text}");
            assert!(error.expected().contains(expected), "{text}: {error}");
            assert!(error.found().contains(found), "{text}: {error}");
            assert!(error.offset().is_some_and(|offset| offset >= 100), "{text}: {error}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let text = format!(r#"{{"page_size": 1, "devices": [], "a": {}"#, "[".repeat(1 << 20));
        assert!(Document::parse(text.as_bytes(), 0).unwrap_err().found().contains("recursion"));
    }
}
