//! Pages that `vmstate report` writes.

use std::fs;

use serde_json::{Value, json};
use vmstate::Writer;
use vmstate::stream::{SectionHeader, StreamWriter};

use crate::streams;
use crate::tool::{Folder, vmstate};

/// Returns the page that `vmstate report` writes with these arguments.
///
/// # Panics
/// If the tool fails.
#[must_use]
pub fn page(arguments: &[&str]) -> String {
    let folder = Folder::new();
    let out = folder.path("page.html");
    let text = vmstate(["report", "-o", &out].iter().chain(arguments)).fine();
    let page = fs::read_to_string(out).unwrap();
    assert_eq!(text, format!("{} bytes written\n", page.len()));
    page
}

/// Returns the page about the committed streams of these names.
///
/// # Panics
/// If the tool fails.
#[must_use]
pub fn page_of(names: &[&str]) -> String {
    let folder = Folder::new();
    let files: Vec<_> = names.iter().map(|name| folder.put(name, &streams::named(name).bytes)).collect();
    page(&files.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Returns the data in a page.
///
/// # Panics
/// If the page contains none.
#[must_use]
pub fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// Returns a stream of one section of this name, with these fields and this payload.
#[must_use]
pub fn stream(name: &str, fields: &[String], payload: &[u8]) -> Vec<u8> {
    let mut out = Writer::new();
    let mut stream = StreamWriter::new(&mut out);
    stream.header();
    stream.begin_section(&SectionHeader::full(0, name, 0, 1));
    stream.payload().bytes(payload);
    stream.end_section();
    stream.eof();
    let (name, fields) = (json!(name), fields.join(", "));
    stream.description(&format!(
        r#"{{"page_size": 4096, "devices": [{{"name": {name}, "instance_id": 0, "vmsd_name": {name}, "version": 1, "fields": [{fields}]}}]}}"#,
    ));
    out.take()
}

/// Returns the description of a field; `array` is empty or `"array_len": 7, `.
#[must_use]
pub fn field(name: &str, array: &str, type_name: &str, size: usize) -> String {
    format!(r#"{{"name": {}, {array}"type": {}, "size": {size}}}"#, json!(name), json!(type_name))
}

/// A name that runs scripts in a page that does not escape it.
pub const HOSTILE: &str =
    "</script><script>seen.push('hostile')</script><img src=x onerror=seen.push('hostile')><!--&lt;";

/// Returns a stream whose names are [`HOSTILE`].
#[must_use]
pub fn hostile() -> Vec<u8> {
    stream(HOSTILE, &[field(HOSTILE, "", HOSTILE, 3), field("b", "", "buffer", 8)], b"abc<script>")
}
