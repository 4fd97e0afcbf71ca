//! The arguments of `vmstate port`.

use std::path::PathBuf;

use clap::Args;

/// Rewrite a crate's sources for the derive
///
/// Adds `#[derive(VmState)]` and attributes to the types of the state, and the dependency to `Cargo.toml`. The state is
/// every type that derives another format (`Serialize`, `Savable`, `Encode`), or `--root`, and the types of its fields.
/// Fields that another format skips are skipped; sizes, flags, options, collections and numbers of enums get their
/// attributes. The fields that remain are listed with their causes; decide them in a table.
///
/// Each line of a table is a type, `Type.field` or `Type.Variant.field`, and its attributes, which replace the
/// tool's; `keep` saves a field that another format skips. Indented lines continue an entry; `#` begins a comment.
#[derive(Debug, Args)]
#[command(after_help = PORT_EXAMPLE)]
pub(crate) struct Port {
    /// Folder of the crate, with `Cargo.toml` and `src`
    pub(crate) folder: PathBuf,

    /// Table of attributes
    #[arg(long, value_name = "FILE")]
    pub(crate) table: Option<PathBuf>,

    /// Start from this type instead of all types with another format (repeatable)
    #[arg(long = "root", value_name = "TYPE")]
    pub(crate) roots: Vec<String>,

    /// Derive that marks the types of the state (repeatable)
    #[arg(long = "derive", value_name = "NAME", conflicts_with = "roots")]
    pub(crate) derives: Vec<String>,

    /// Largest number of elements of a collection
    #[arg(long, value_name = "N", default_value_t = 1 << 24)]
    pub(crate) max: u64,

    /// Change nothing: count the types that can derive, in all crates in the folder
    #[arg(long)]
    pub(crate) survey: bool,
}

const PORT_EXAMPLE: &str = "\
Examples:
  vmstate port emulator --survey
  vmstate port emulator --root Console --table attributes.txt
  vmstate port emulator --json | jq .causes

A table:
  Console          version = 2
  Console.rom      skip = \"loaded from the file of the game\"
  Console.mapper   through(Vec<u8>, get = |console| console.mapper.save(), set = Console::set_mapper),
                   with = ::vmstate::info::Sequence<4096>

Exit status 1: fields remain that have no attributes.";
