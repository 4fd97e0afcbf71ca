//! Structs that `vmstate::import` writes, of committed streams and of made ones.

pub mod made;
mod program;

use crate::releases::RELEASES;
use vmstate::Reader;
use vmstate::import::Importer;
use vmstate::schema::vmdesc::{Document, Located, locate};

use crate::streams::{self, Stream};
pub use program::Program;

/// Returns an importer that has read `stream`.
///
/// # Panics
/// If the stream has no description or cannot be read.
#[must_use]
pub fn importer(stream: &Stream) -> Importer {
    let Located::At(start) = locate(&stream.bytes) else { panic!("{}: no description", stream.name) };
    let document = Document::parse(&stream.bytes[start..], start as u64).unwrap();
    let mut importer = Importer::new(&stream.name);
    importer.stream(&mut Reader::from_slice(&stream.bytes), document).unwrap();
    importer
}

/// Returns all committed streams, and one of each release with the kinds of fields that they lack.
///
/// # Panics
/// If a stream cannot be read.
#[must_use]
pub fn all() -> Vec<Stream> {
    let made = RELEASES.map(made::stream);
    streams::all().into_iter().chain(made).collect()
}
