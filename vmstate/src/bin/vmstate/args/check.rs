//! What can be said to commands about shapes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Say whether what one side saves is what the other one loads
///
/// OLD and NEW are dumps of QEMU's (`qemu-system-... -M MACHINE -dump-vmstate FILE`), schemas of this library (`vmstate
/// schema`, or the files of a lock), or streams, which are compared by their descriptions. Both directions are looked at:
/// NEW loads what OLD saved, and the other way round. What counts are bytes and not names.
/// The exit code is 1 when something breaks, and 0 when there are risks and notes at most.
#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLE)]
pub(crate) struct Check {
    /// What the older release has; `-` is standard input
    #[arg(required_unless_present_any = ["explain", "rules"])]
    pub(crate) old: Option<PathBuf>,

    /// What the newer release has
    #[arg(required_unless_present_any = ["explain", "rules"])]
    pub(crate) new: Option<PathBuf>,

    /// Compare only the device of this name (may be repeated)
    #[arg(long = "device", value_name = "NAME", conflicts_with = "qemu")]
    pub(crate) devices: Vec<String>,

    /// Show notes too, such as fields with new names
    #[arg(long)]
    pub(crate) notes: bool,

    /// End with exit code 1 when there are risks, too
    #[arg(long, conflicts_with = "qemu")]
    pub(crate) strict: bool,

    /// Print what QEMU's vmstate-static-checker.py prints, about OLD to NEW only
    #[arg(long, value_name = "RELEASE", num_args = 0..=1, require_equals = true, default_missing_value = "10.0")]
    pub(crate) qemu: Option<QemuChecker>,

    /// Take OLD for NEW, and NEW for OLD
    #[arg(long)]
    pub(crate) reverse: bool,

    /// Explain a rule
    #[arg(long, value_name = "RULE", conflicts_with_all = ["old", "rules"])]
    pub(crate) explain: Option<String>,

    /// List all rules
    #[arg(long, conflicts_with = "old")]
    pub(crate) rules: bool,
}

/// Which of QEMU's checkers.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum QemuChecker {
    /// That of QEMU 7.2 to 10.0
    #[value(name = "10.0")]
    V10_0,
    /// Its successor
    Newer,
}

/// Show what devices look like on the wire: fields, types, counts, versions
///
/// FILE is a stream, a dump of QEMU's or a schema. The answer is a schema (`vmstate/docs/schema.md` describes the format),
/// or a dump in QEMU's form.
#[derive(Debug, Args)]
#[command(after_help = SCHEMA_EXAMPLE)]
pub(crate) struct Schema {
    /// The file; `-` is standard input
    pub(crate) file: PathBuf,

    /// Show only the device of this name (may be repeated)
    #[arg(long = "device", value_name = "NAME")]
    pub(crate) devices: Vec<String>,

    /// In which form
    #[arg(long, value_name = "FORM", default_value = "schema")]
    pub(crate) form: SchemaForm,
}

/// How shapes are written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SchemaForm {
    /// As a schema of this library: all that is known
    Schema,
    /// As `-dump-vmstate` of QEMU 10.0 writes it
    Dump,
    /// As `-dump-vmstate` of QEMU 7.2 writes it, which says no lengths of arrays
    #[value(name = "dump-7.2")]
    Dump72,
    /// The names of the devices
    Names,
}

const CHECK_EXAMPLE: &str = "\
Examples:
  qemu-system-x86_64 -M pc -dump-vmstate new.json && vmstate check old.json new.json
  vmstate check old.json new.json --device e1000 --notes
  vmstate check --explain field-missing";

const SCHEMA_EXAMPLE: &str = "\
Examples:
  vmstate schema vm.state --form names
  vmstate schema vm.state --device timer";
