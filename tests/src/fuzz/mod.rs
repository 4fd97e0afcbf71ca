//! What the fuzz targets do with their bytes.
//!
//! A target takes any bytes and panics where something does not hold that should. `tests/fuzz` has a fuzzer for each of
//! them; the test `fuzz` replays what is committed there, so that `cargo test` needs no fuzzer.
//!
//! | target | its bytes are | what must hold |
//! |---|---|---|
//! | [`wire`] | calls of a reader, and what it reads | slice, pipe and file read the same; what was read can be written |
//! | [`framing`] | a stream | all that was read of it can be written again, byte for byte |
//! | [`commands`] | a stream of commands | the same; and a machine that refuses one is as before |
//! | [`description`] | a JSON description | it is JSON, and its text reads as the same description |
//! | [`dynamic`] | a description, edits and a payload | decoded and encoded it is the same; edited, it decodes as what it is |
//! | [`rewrite`] | edits and a stream | rewritten it is the same; edited or stripped, it is a stream again |
//! | [`ram`] | what to send of a memory, and how | with and without a way back the same memory; an error changes nothing |
//! | [`machine`] | the states of devices with every attribute, and changes to their stream | an error changes nothing; what loads can be saved and loaded |
//! | [`uno`] | a stream of a real machine | the same |
//! | [`device`] | what [`Laws::fuzz`](vmstate::laws::Laws::fuzz) takes | the laws |
//! | [`schema`] | two files that say what devices look like | their text reads as the same; each fits itself |
//! | [`import`] | a dump, or a stream | what is generated is Rust |
//! | [`cli`] | lines: arguments of both programs, URIs, subsections | what was understood is what was said |

mod bites;
pub mod cli;
pub mod commands;
pub mod description;
pub mod device;
pub mod dynamic;
pub mod framing;
pub mod import;
pub mod machine;
pub mod ram;
pub mod rewrite;
pub mod schema;
pub mod seeds;
pub mod uno;
pub mod wire;

/// One target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is that of its module, its fuzzer, and its folder in the corpus.
    pub name: &'static str,
    /// What it does with the bytes.
    pub run: fn(&[u8]),
    /// Where a fuzzer may begin.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What it may hold at once, whatever the bytes are.
    pub fixed: u64,
    /// What it may hold besides, for each byte.
    pub per_byte: u64,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    wire::TARGET,
    framing::TARGET,
    commands::TARGET,
    description::TARGET,
    dynamic::TARGET,
    rewrite::TARGET,
    ram::TARGET,
    machine::TARGET,
    uno::TARGET,
    device::TARGET,
    schema::TARGET,
    import::TARGET,
    cli::TARGET,
];

impl Target {
    /// The most that it may hold at once while it runs on so many bytes.
    #[must_use]
    pub fn bound(&self, length: usize) -> u64 {
        self.fixed + self.per_byte * length as u64
    }
}

/// The bytes up to the first zero, and those behind it.
fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == 0) {
        Some(place) => (&bytes[..place], &bytes[place + 1..]),
        None => (bytes, &[]),
    }
}
