//! What can be said on the command line.

use std::path::PathBuf;

use anstream::ColorChoice;
use clap::{Args, Parser, Subcommand, ValueEnum};

mod check;

pub(crate) use check::{Check, QemuChecker, Schema, SchemaForm};

/// Looks into the migration streams that QEMU writes, and writes them again.
///
/// A stream comes from QEMU's monitor (`migrate file:vm.state`, or `migrate "exec:cat > vm.state"`). What is in it is
/// read by the description that QEMU puts at its end, so that no device needs to be known here.
#[derive(Debug, Parser)]
#[command(name = "vmstate", version, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Answer in JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  fine
  1  there are differences, and they are the answer
  2  bad usage, or a bad stream: standard error says what and where";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Info(Info),
    Dump(Dump),
    Diff(Diff),
    Report(Report),
    Check(Check),
    Schema(Schema),
    #[command(after_help = REWRITE_EXAMPLE)]
    /// Decode a stream and encode it again, and say whether the result is the same
    ///
    /// Everything is decoded to values and written from the values alone, the description included. A stream of which
    /// the result is identical is therefore understood down to the last byte of its framing. The exit code is 0 then,
    /// and 1 where there is a difference; OUT is complete in both cases.
    Rewrite(Files),
    #[command(after_help = STRIP_EXAMPLE)]
    /// Copy a stream with all its RAM pages zeroed
    ///
    /// What stays is the state of the machine and its devices: small, and free of the guest's memory. Pages become
    /// records of zero pages (also those sent compressed or as differences), pages of a mapped-ram file become zeros in
    /// their place; nothing else is changed, and QEMU loads the result.
    Strip(Files),
}

/// List a stream's sections, RAM blocks and commands
///
/// For each section: the offset of its first byte, its size from there to the end of its footer, its kind (start, part
/// and end of live sections, full for devices), its section id, the device's name and instance, and the version.
/// With `--json`, `payload_offset` and `payload_size` say where the device's own bytes are.
#[derive(Debug, Args)]
#[command(after_help = INFO_EXAMPLE)]
pub(crate) struct Info {
    /// The stream; `-` is standard input
    pub(crate) file: PathBuf,
}

/// Show the fields of a stream's devices, with values, types and offsets
///
/// Each line has the offset in the stream of the field's first byte, its size in bytes, its name, its type and its value.
/// What QEMU does not describe is shown as bytes. RAM is counted, not shown.
#[derive(Debug, Args)]
#[command(after_help = DUMP_EXAMPLE)]
pub(crate) struct Dump {
    /// The stream; `-` is standard input
    pub(crate) file: PathBuf,

    /// Show only sections of this name, or only the one with this instance id too (may be repeated)
    #[arg(long = "section", value_name = "NAME[:INSTANCE]")]
    pub(crate) sections: Vec<String>,

    /// Show only this field, such as `env.regs[3]` (may be repeated)
    #[arg(long = "field", value_name = "PATH")]
    pub(crate) fields: Vec<String>,
}

/// Show what differs between two streams, by fields and not by bytes
///
/// Compared is what a machine would load: the configuration, the sections' versions, fields and subsections, and RAM page
/// by page. How a stream carries it is not: order and ids of sections, footers, commands, and how often a page was sent.
/// Each line has the field's path, its type, and the old and the new value; of arrays, buffers and bitmaps the elements
/// that differ. `-` marks what only A has, `+` what only B has. The exit code is 0 when there is no difference, and 1
/// when there are some.
#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLE)]
pub(crate) struct Diff {
    /// The old stream; `-` is standard input
    #[arg(value_name = "A")]
    pub(crate) old: PathBuf,

    /// The new stream; `-` is standard input
    #[arg(value_name = "B")]
    pub(crate) new: PathBuf,

    /// Compare only sections of this name, or only the one with this instance id too (may be repeated)
    #[arg(long = "section", value_name = "NAME[:INSTANCE]")]
    pub(crate) sections: Vec<String>,

    /// Compare only this field and what is in it, such as `env` or `env.regs[3]` (may be repeated)
    #[arg(long = "field", value_name = "PATH")]
    pub(crate) fields: Vec<String>,
}

/// Write a page for people: what is in a stream, or what differs between two
///
/// One HTML file that loads nothing from elsewhere: the sections by size, all fields with their values and bytes in a
/// tree that can be searched, and a map of RAM; with OTHER, both streams side by side with the differences marked. Its
/// size is bounded: RAM's contents are not in it, and of large arrays and payloads only the beginning is. The page says
/// how much.
#[derive(Debug, Args)]
#[command(after_help = REPORT_EXAMPLE)]
pub(crate) struct Report {
    /// The stream; `-` is standard input
    pub(crate) file: PathBuf,

    /// A second stream, to be shown beside it
    pub(crate) other: Option<PathBuf>,

    /// Where to write the page; `-` is standard output
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
}

/// A stream to read and one to write.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// The stream to read; `-` is standard input
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,

    /// Where to write; `-` is standard output, and the report then goes to standard error
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

impl Color {
    /// Makes this the choice for standard output and standard error.
    pub(crate) fn write_global(self) {
        match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        }
        .write_global();
    }
}

const INFO_EXAMPLE: &str = "\
Examples:
  vmstate info vm.state
  vmstate info vm.state --json | jq '.sections[] | select(.size > 4096) | .name'
  gunzip -c vm.state.gz | vmstate info -";

const DUMP_EXAMPLE: &str = "\
Examples:
  vmstate dump vm.state
  vmstate dump vm.state --section timer --section serial:1
  vmstate dump vm.state --section cpu --field 'env.regs[0]' --json";

const DIFF_EXAMPLE: &str = "\
Examples:
  vmstate diff vm.state later.state
  vmstate diff vm.state later.state --section cpu --field env.regs
  vmstate diff vm.state later.state --section ram --json | jq '.ram[].ranges'";

const REPORT_EXAMPLE: &str = "\
Examples:
  vmstate report vm.state -o vm.html
  vmstate report vm.state later.state -o difference.html";

const REWRITE_EXAMPLE: &str = "\
Example:
  vmstate rewrite vm.state again.state && echo understood";

const STRIP_EXAMPLE: &str = "\
Example:
  vmstate strip vm.state - | gzip > vm.state.gz";
