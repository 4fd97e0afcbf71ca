//! The arguments of the commands about schemas: `check` and `schema`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Check whether two releases can load each other's streams
///
/// OLD and NEW are dumps (`qemu-system-... -M MACHINE -dump-vmstate FILE`), schemas (`vmstate schema`, or the files of
/// a lock), or streams, whose descriptions are compared. Checks both directions: NEW loads a stream of OLD, and OLD one
/// of NEW. Compares bytes, not names. Risks and notes do not affect the exit status unless `--strict` is given.
#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLE)]
pub(crate) struct Check {
    /// File of the older release; `-` is standard input
    #[arg(required_unless_present_any = ["explain", "rules"])]
    pub(crate) old: Option<PathBuf>,

    /// File of the newer release; `-` is standard input
    #[arg(required_unless_present_any = ["explain", "rules"])]
    pub(crate) new: Option<PathBuf>,

    /// Compare only this device (repeatable)
    #[arg(long = "device", value_name = "NAME", conflicts_with = "qemu")]
    pub(crate) devices: Vec<String>,

    /// Print notes too, such as renamed fields
    #[arg(long)]
    pub(crate) notes: bool,

    /// Exit with status 1 on risks as well as breaks
    #[arg(long, conflicts_with = "qemu")]
    pub(crate) strict: bool,

    /// Print the output of QEMU's vmstate-static-checker.py, from OLD to NEW only
    #[arg(long, value_name = "RELEASE", num_args = 0..=1, require_equals = true, default_missing_value = "10.0")]
    pub(crate) qemu: Option<QemuChecker>,

    /// Generate rules for `vmstate relay`, under which OLD gives guests to NEW
    ///
    /// OLD and NEW are streams of the same machine with the same devices, one of each release. Lists the state that is
    /// lost, the values that keep a guest at the source, and the values that NEW gets. From dumps and schemas, only versions
    /// are changed. Exits with status 1 if state is lost or the destination rejects the guest.
    #[cfg(unix)]
    #[arg(long, conflicts_with_all = ["qemu", "strict", "notes", "devices", "rules", "explain"])]
    pub(crate) relay_rules: bool,

    /// File for the rules
    #[cfg(unix)]
    #[arg(short, long, value_name = "FILE", default_value = "-", requires = "relay_rules")]
    pub(crate) output: PathBuf,

    /// Swap OLD and NEW
    #[arg(long)]
    pub(crate) reverse: bool,

    /// Explain a rule
    #[arg(long, value_name = "RULE", conflicts_with_all = ["old", "rules"])]
    pub(crate) explain: Option<String>,

    /// List all rules
    #[arg(long, conflicts_with = "old")]
    pub(crate) rules: bool,
}

/// A release of QEMU's `scripts/vmstate-static-checker.py`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum QemuChecker {
    /// QEMU 7.2 to 10.0
    #[value(name = "10.0")]
    V10_0,
    /// Releases after QEMU 10.0
    Newer,
}

/// Print the schema of a stream, dump or schema file
///
/// A schema describes the wire format of devices: fields, types, counts and versions. `vmstate/docs/schema.md`
/// documents the file format.
#[derive(Debug, Args)]
#[command(after_help = SCHEMA_EXAMPLE)]
pub(crate) struct Schema {
    /// Stream, dump or schema; `-` is standard input
    pub(crate) file: PathBuf,

    /// Print only this device (repeatable)
    #[arg(long = "device", value_name = "NAME")]
    pub(crate) devices: Vec<String>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "schema")]
    pub(crate) format: SchemaFormat,
}

/// An output format of `vmstate schema`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SchemaFormat {
    /// Schema with all known facts
    Schema,
    /// `-dump-vmstate` of QEMU 10.0
    Dump,
    /// `-dump-vmstate` of QEMU 7.2, without array lengths
    #[value(name = "dump-7.2")]
    Dump72,
    /// Names of the devices
    Names,
}

const CHECK_EXAMPLE: &str = "\
Examples:
  qemu-system-x86_64 -M pc -dump-vmstate new.json && vmstate check old.json new.json
  vmstate check old.json new.json --device e1000 --notes
  vmstate check old.state new.state --relay-rules -o rules.json
  vmstate check --explain field-missing";

const SCHEMA_EXAMPLE: &str = "\
Examples:
  vmstate schema vm.state --format names
  vmstate schema vm.state --device timer";
