//! The recorded conversations between real QEMUs, in `tests/conversations`.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use vmstate::migration::Side;
use vmstate::migration::conversation::{ConversationReader, EntryEvent, Explainer, Explanation};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conversations")
}

/// Returns the names of all conversations.
///
/// # Panics
/// If the folder cannot be read.
#[must_use]
pub fn names() -> Vec<String> {
    let files = fs::read_dir(folder()).expect("the folder of conversations");
    let names = files.filter_map(|file| Some(file.ok()?.file_name().to_str()?.strip_suffix(".gz")?.to_owned()));
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Returns the file of a conversation.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn file(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = File::open(folder().join(format!("{name}.gz"))).unwrap_or_else(|error| panic!("{name}: {error}"));
    GzDecoder::new(file).read_to_end(&mut bytes).expect("a compressed file");
    bytes
}

/// Returns everything that the source has sent on a connection, by its number.
///
/// # Panics
/// If the conversation cannot be read.
#[must_use]
pub fn source(name: &str, connection: u32) -> Vec<u8> {
    let file = file(name);
    let mut reader = ConversationReader::new(file.as_slice()).expect("a conversation");
    let mut sent = Vec::new();
    while let Some(entry) = reader.next_entry().expect("an entry") {
        match entry.event {
            EntryEvent::Bytes(Side::Source, bytes) if entry.connection == connection => sent.extend_from_slice(bytes),
            _ => {}
        }
    }
    sent
}

/// Explains a conversation.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn explain(file: &[u8]) -> Explanation {
    let mut reader = ConversationReader::new(file).expect("a conversation");
    Explainer::read(&mut reader).expect("all entries")
}
