//! What can be said on the command line.

use std::path::PathBuf;

use anstream::ColorChoice;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

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

    /// Answer in JSON, for programs (`import` and `schema` write what they always write)
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

const EXIT_CODES: &str = "\
Examples:
  vmstate info vm.state                          what is in a stream
  vmstate dump vm.state --section serial         the fields of a device, with values
  vmstate diff vm.state later.state              what differs, field by field
  vmstate check old-release.json new-release.json   whether two releases load each other's streams
  vmstate import vm.state -o src/devices.rs      Rust structs for all devices
  vmstate <COMMAND> --help                       more about a command

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
    Set(Set),
    Import(Import),
    Completions(Completions),
    Man(Man),
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

/// Change values, subsections and names of a stream, and write it as a new one
///
/// Fields are named by the section and their path, as `vmstate dump` shows them: `cpu.env.r[24]`, or `serial:1.lcr` where there are
/// several sections of that name. The description is written anew. What the format forbids is refused, and then nothing is
/// written.
///
/// Integers are decimal or, with `0x`, hexadecimal; flags `true` or `false`; timers nanoseconds or `disarmed`; floats
/// decimal. Arrays and bitmaps (of 64-bit words) are `[1, 2, 3]`; bytes `hex:00ff`, or text in quotes that zeros fill up;
/// up to 8 of them may be an integer.
#[derive(Debug, Args)]
#[command(after_help = SET_EXAMPLE)]
pub(crate) struct Set {
    /// The stream to read; `-` is standard input
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,

    /// What to set, and to what
    #[arg(value_name = "PATH=VALUE")]
    pub(crate) values: Vec<String>,

    /// Where to write; `-` is standard output, and the report then goes to standard error
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,

    /// Drop a subsection, such as `serial.serial/tsr` (may be repeated)
    #[arg(long, value_name = "PATH")]
    pub(crate) drop_subsection: Vec<String>,

    /// Add a subsection: with `--from` that of another stream, or `PATH=VERSION{NAME:TYPE=VALUE, ...}` (may be repeated)
    #[arg(long, value_name = "PATH[=...]")]
    pub(crate) add_subsection: Vec<String>,

    /// The stream from which subsections are copied
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,

    /// Give a section another name (may be repeated)
    #[arg(long, value_name = "OLD[:INSTANCE]=NEW")]
    pub(crate) rename_section: Vec<String>,

    /// Make it a stream of another machine type
    #[arg(long, value_name = "NAME")]
    pub(crate) machine: Option<String>,

    /// Set also what seems to count the elements of something else
    #[arg(long)]
    pub(crate) force: bool,
}

/// Write Rust structs for the devices of a stream: how a port begins
///
/// From a real stream, or from the JSON text of QEMU's `-dump-vmstate`. Of a stream, the structs save what is in it, byte
/// for byte, its description included. What the input does not say is marked with comments that begin with `Check:`.
#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLE)]
pub(crate) struct Import {
    /// The stream or dump; `-` is standard input
    pub(crate) file: PathBuf,

    /// Where to write; standard output if not given
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Add a program that loads the stream into the structs, saves it from there, and says whether that is the same
    #[arg(long)]
    pub(crate) with_main: bool,
}

/// Write the completions of a shell to standard output
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLE)]
pub(crate) struct Completions {
    /// Which shell
    pub(crate) shell: Shell,
}

/// Write manual pages, one for the tool and one for each command
#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLE)]
pub(crate) struct Man {
    /// The folder to write them to
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
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

const SET_EXAMPLE: &str = "\
Examples:
  vmstate set vm.state 'cpu.env.regs[0]=0x2a' 'globalstate.runstate=\"paused\"' -o new.state
  vmstate set vm.state --drop-subsection mc146818rtc.mc146818rtc/irq_reinject_on_ack_count -o new.state
  vmstate set vm.state --add-subsection serial.serial/tsr --from busy.state -o new.state
  vmstate set vm.state --add-subsection 'serial.serial/poll=1{poll_msl:int32=1}' -o new.state
  vmstate set vm.state --machine pc-i440fx-7.1 --rename-section 0000:00:03.0/e1000=0000:00:04.0/e1000 -o new.state";

const IMPORT_EXAMPLE: &str = "\
Examples:
  vmstate import vm.state -o src/devices.rs
  vmstate import vm.state --with-main -o src/main.rs && cargo run vm.state
  qemu-system-x86_64 -M q35 -dump-vmstate q35.json && vmstate import q35.json";

const COMPLETIONS_EXAMPLE: &str = "\
Examples:
  vmstate completions bash > ~/.local/share/bash-completion/completions/vmstate
  vmstate completions fish > ~/.config/fish/completions/vmstate.fish";

const MAN_EXAMPLE: &str = "\
Example:
  vmstate man ~/.local/share/man/man1 && man vmstate-diff";
