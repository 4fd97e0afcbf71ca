//! The fuzz targets.
//!
//! A target accepts any bytes and panics if a property does not hold. `tests/fuzz` has a fuzzer for each target. The test
//! `fuzz` replays the committed corpora, so that `cargo test` needs no fuzzer.
//!
//! | target | bytes | property |
//! |---|---|---|
//! | [`wire`] | calls of a reader, and its input | slice, pipe and file read the same values, which can be written again |
//! | [`framing`] | a stream | all items can be written again, byte for byte |
//! | [`items`] | the size of pieces, and a stream | however the bytes arrive, the same items; a blocking reader returns them, too |
//! | [`return_path`] | the size of pieces, and messages | the same; messages can be written again |
//! | [`conversation`] | a conversation, or a stream and its answer | explained without markup or control characters; it can be written again |
//! | [`relay_rules`] | rules of a relay, and a stream | the size of pieces does not matter; the end of the stream is held back; no page is lost on data channels |
//! | [`commands`] | a stream of commands | the same; a rejected command leaves the machine unchanged |
//! | [`description`] | a JSON description | it is JSON, and parsing its text returns the same description |
//! | [`dynamic`] | a description, edits and a payload | decoding and encoding is lossless, also after edits |
//! | [`rewrite`] | edits and a stream | rewriting is lossless; an edited or stripped stream is a stream |
//! | [`ram`] | pages of a memory, and options | the same memory with and without rollback; an error rolls back |
//! | [`machine`] | the states of devices with every attribute, and changes to their stream | an error rolls back; a loaded state can be saved and loaded |
//! | [`monitor`] | commands of a QMP client | the replies are JSON, and do not depend on the chunks in which commands arrive |
//! | [`uno`] | a stream of a real machine | the same |
//! | [`device`] | input of [`Laws::fuzz`](vmstate::laws::Laws::fuzz) | the laws |
//! | [`schema`] | two schema files | parsing their text returns the same schemas; each is compatible with itself |
//! | [`import`] | a dump, or a stream | the output is Rust |
//! | [`working_set`] | sizes, and the file of a working set | it can be written again; all ranges are whole pages of their block |
//! | [`qcow2`] | a disk image | after an insertion, the snapshot is listed and read; its deletion leaves the other snapshots |
//! | [`snapshot_folder`] | pieces of the files of snapshots in a folder | a failed load leaves the machine unchanged; a new snapshot is saved and loaded |
//! | [`cli`] | lines: arguments of both programs, URIs, subsections | formatting the parsed value returns the input |

mod bites;
pub mod cli;
pub mod commands;
pub mod conversation;
pub mod description;
pub mod device;
pub mod dynamic;
pub mod framing;
pub mod import;
pub mod items;
pub mod machine;
pub mod monitor;
pub mod qcow2;
pub mod ram;
pub mod relay_rules;
pub mod return_path;
pub mod rewrite;
pub mod schema;
pub mod seeds;
pub mod snapshot_folder;
pub mod uno;
pub mod wire;
pub mod working_set;

/// One target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of the module, the fuzzer and the folder in the corpus.
    pub name: &'static str,
    /// Checks the property for these bytes.
    pub run: fn(&[u8]),
    /// Returns inputs with which a fuzzer begins.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// The memory that it may hold at once for any input.
    pub fixed: u64,
    /// The additional memory for each byte of input.
    pub per_byte: u64,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    wire::TARGET,
    framing::TARGET,
    items::TARGET,
    relay_rules::TARGET,
    return_path::TARGET,
    commands::TARGET,
    conversation::TARGET,
    description::TARGET,
    dynamic::TARGET,
    rewrite::TARGET,
    ram::TARGET,
    machine::TARGET,
    monitor::TARGET,
    uno::TARGET,
    device::TARGET,
    schema::TARGET,
    import::TARGET,
    cli::TARGET,
    working_set::TARGET,
    qcow2::TARGET,
    snapshot_folder::TARGET,
];

impl Target {
    /// The most that it may hold at once while it runs on so many bytes.
    #[must_use]
    pub fn bound(&self, length: usize) -> u64 {
        self.fixed + self.per_byte * length as u64
    }
}

/// Splits the bytes at the first zero.
fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == 0) {
        Some(place) => (&bytes[..place], &bytes[place + 1..]),
        None => (bytes, &[]),
    }
}
