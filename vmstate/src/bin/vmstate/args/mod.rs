//! The command line arguments, and the help and manual pages generated from them.

use std::path::PathBuf;

use anstream::ColorChoice;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

#[cfg(unix)]
mod conversations;
#[cfg(feature = "port")]
mod port;
#[cfg(unix)]
mod relays;
mod schemas;
#[cfg(unix)]
mod snapshots;
#[cfg(unix)]
mod transfer;

#[cfg(unix)]
pub(crate) use conversations::{Record, Show};
#[cfg(feature = "port")]
pub(crate) use port::Port;
#[cfg(unix)]
pub(crate) use relays::Relay;
pub(crate) use schemas::{Check, QemuChecker, Schema, SchemaFormat};
#[cfg(unix)]
pub(crate) use snapshots::{InsertSnapshot, Snapshot, SnapshotCommand};
#[cfg(unix)]
pub(crate) use transfer::{Format, Limits, Receive, Send};

/// Inspect, compare and edit QEMU's migration streams
///
/// QEMU's monitor writes a stream with `migrate file:vm.state` or `migrate "exec:cat > vm.state"`. Fields are decoded
/// with the description at the end of the stream, so no device definitions are needed.
#[derive(Debug, Parser)]
#[command(name = "vmstate", version, propagate_version = true, after_help = EXAMPLES_AND_EXIT_STATUS)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print JSON (no effect on `import` and `schema`)
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// When to use colors
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

const EXAMPLES_AND_EXIT_STATUS: &str = "\
Examples:
  vmstate info vm.state                          list sections
  vmstate dump vm.state --section serial         print the fields of a device
  vmstate diff vm.state later.state              compare two streams
  vmstate check old.json new.json                check compatibility of two releases
  vmstate receive unix:/run/vm.sock -o vm.state  take a guest out of a QEMU
  vmstate send vm.state unix:/run/new.sock       move it to another QEMU
  vmstate relay tcp::4445 tcp:new:4444           connect two QEMUs that migrate
  vmstate import vm.state -o src/devices.rs      generate Rust structs
  vmstate show failed.conversation               explain a recorded migration
  vmstate <COMMAND> --help                       show help for a command

Exit status:
  0  success; no differences and no breaks found
  1  differences found (`diff`, `rewrite`), breaks found (`check`), a damaged
     snapshot (`snapshot verify`), or a migration that did not complete (`record`,
     `show`)
  2  bad usage, unreadable or unwritable file, malformed stream, or failed
     migration; the error is on standard error
  3  the guest was received, sent or relayed, but the peer may not know that and
     run it, too (`receive`, `send`, `relay`)";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Info(Info),
    Dump(Dump),
    Diff(Diff),
    Report(Report),
    Check(Check),
    Schema(Schema),
    #[command(after_help = REWRITE_EXAMPLE)]
    /// Decode and encode a stream, and compare the result
    ///
    /// Decodes everything to values and encodes the values alone, including the description. An identical result shows
    /// that the stream is understood completely. OUT is complete even if it differs.
    Rewrite(Files),
    #[command(after_help = STRIP_EXAMPLE)]
    /// Copy a stream with all RAM pages zeroed
    ///
    /// The copy is small, contains no guest memory, and QEMU can load it. Pages become records of zero pages, including
    /// compressed and XBZRLE pages; pages of a mapped-ram file become zeros in place. Nothing else changes.
    Strip(Files),
    Set(Set),
    #[cfg(unix)]
    Snapshot(Snapshot),
    #[cfg(unix)]
    Record(Record),
    #[cfg(unix)]
    Show(Show),
    #[cfg(unix)]
    Receive(Receive),
    #[cfg(unix)]
    Send(Send),
    #[cfg(unix)]
    Relay(Relay),
    Import(Import),
    #[cfg(feature = "port")]
    Port(Port),
    Completions(Completions),
    Man(Man),
}

/// List the sections, RAM blocks and commands of a stream
///
/// Columns of a section: the offset of its first byte, its size including the footer, its kind (start, part and end of
/// live sections, full for devices), section ID, instance ID, version, and name. `--json` adds the offset and size of
/// the payload.
#[derive(Debug, Args)]
#[command(after_help = INFO_EXAMPLE)]
pub(crate) struct Info {
    /// Stream; `-` is standard input
    pub(crate) file: PathBuf,
}

/// Print the fields of devices with their values and offsets
///
/// Columns: the stream offset of the field, its size in bytes, name, type and value. Payloads without a description are
/// printed as bytes. RAM pages are counted, not printed.
#[derive(Debug, Args)]
#[command(after_help = DUMP_EXAMPLE)]
pub(crate) struct Dump {
    /// Stream; `-` is standard input
    pub(crate) file: PathBuf,

    /// Print only sections with this name and instance ID (repeatable)
    #[arg(long = "section", value_name = "NAME[:INSTANCE]")]
    pub(crate) sections: Vec<String>,

    /// Print only this field, such as `env.regs[3]` (repeatable)
    #[arg(long = "field", value_name = "PATH")]
    pub(crate) fields: Vec<String>,
}

/// Compare two streams field by field
///
/// Compares the state that a machine would load: the configuration, the versions, fields and subsections of sections,
/// and RAM page by page. Ignores the encoding: order and IDs of sections, footers, commands, and repeated pages. Each
/// line has the path of a field, its type, and the old and new value; arrays, buffers and bitmaps are summarized by
/// ranges of elements. `-` marks fields that are only in A, `+` fields that are only in B.
#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLE)]
pub(crate) struct Diff {
    /// Old stream; `-` is standard input
    #[arg(value_name = "A")]
    pub(crate) old: PathBuf,

    /// New stream; `-` is standard input
    #[arg(value_name = "B")]
    pub(crate) new: PathBuf,

    /// Compare only sections with this name and instance ID (repeatable)
    #[arg(long = "section", value_name = "NAME[:INSTANCE]")]
    pub(crate) sections: Vec<String>,

    /// Compare only this field, such as `env` or `env.regs[3]` (repeatable)
    #[arg(long = "field", value_name = "PATH")]
    pub(crate) fields: Vec<String>,
}

/// Write an HTML page about one stream, or the differences of two
///
/// The page is a single file without external resources. It shows the sections by size, a searchable tree of all fields
/// with their values and bytes, and a map of RAM. With OTHER, it shows both streams side by side and marks the
/// differences. Its size is bounded: it omits RAM contents and truncates large arrays and payloads, with a note.
#[derive(Debug, Args)]
#[command(after_help = REPORT_EXAMPLE)]
pub(crate) struct Report {
    /// Stream; `-` is standard input
    pub(crate) file: PathBuf,

    /// Second stream to compare with
    pub(crate) other: Option<PathBuf>,

    /// Output file; `-` is standard output
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
}

/// The input and output of commands that write a stream.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// Input stream; `-` is standard input
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,

    /// Output file; `-` is standard output, and the summary goes to standard error
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
}

/// Change values, subsections and names in a stream
///
/// A field is addressed by its section and path, as printed by `vmstate dump`: `cpu.env.r[24]`, or `serial:1.lcr` if
/// several sections have the same name. The description is updated. If a change is invalid, nothing is written.
///
/// Values: integers in decimal, or in hexadecimal with `0x`; booleans `true` or `false`; timers in nanoseconds or
/// `disarmed`; floats in decimal; arrays and bitmaps (64-bit words) as `[1, 2, 3]`; bytes as `hex:00ff`, or as a quoted
/// string that is padded with zeros; up to 8 bytes also as an integer.
#[derive(Debug, Args)]
#[command(after_help = SET_EXAMPLE)]
pub(crate) struct Set {
    /// Input stream; `-` is standard input
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,

    /// Field and its new value
    #[arg(value_name = "PATH=VALUE")]
    pub(crate) values: Vec<String>,

    /// Output file; `-` is standard output, and the summary goes to standard error
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,

    /// Remove a subsection, such as `serial.serial/tsr` (repeatable)
    #[arg(long, value_name = "PATH")]
    pub(crate) drop_subsection: Vec<String>,

    /// Add the subsection of the `--from` stream, or `PATH=VERSION{NAME:TYPE=VALUE, ...}` (repeatable)
    #[arg(long, value_name = "PATH[=...]")]
    pub(crate) add_subsection: Vec<String>,

    /// Stream to copy subsections from
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,

    /// Rename a section (repeatable)
    #[arg(long, value_name = "OLD[:INSTANCE]=NEW")]
    pub(crate) rename_section: Vec<String>,

    /// New machine type
    #[arg(long, value_name = "NAME")]
    pub(crate) machine: Option<String>,

    /// Allow changes to fields that count the elements of another field
    #[arg(long)]
    pub(crate) allow_counts: bool,
}

/// Generate Rust structs for the devices of a stream
///
/// The input is a stream, or the JSON text of QEMU's `-dump-vmstate`. Structs generated from a stream save it byte for
/// byte, including its description. Comments that begin with `Check:` mark facts that are missing from the input.
#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLE)]
pub(crate) struct Import {
    /// Stream or dump; `-` is standard input
    pub(crate) file: PathBuf,

    /// Output file (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Import only sections with this name and instance ID (repeatable)
    #[arg(long = "section", value_name = "NAME[:INSTANCE]")]
    pub(crate) sections: Vec<String>,

    /// Add a `main` function that loads the stream, saves it again and compares the bytes
    #[arg(long)]
    pub(crate) with_main: bool,
}

/// Generate shell completions
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLE)]
pub(crate) struct Completions {
    /// Shell
    pub(crate) shell: Shell,
}

/// Generate manual pages for `vmstate` and each command
#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLE)]
pub(crate) struct Man {
    /// Output folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Color {
    /// If the output is a terminal
    Auto,
    /// Even if the output is not a terminal
    Always,
    /// Never
    Never,
}

impl Color {
    /// Applies the choice to standard output and standard error.
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
  vmstate relay tcp::4445 tcp:new:4444           connect two QEMUs that migrate
  vmstate import vm.state -o src/devices.rs
  vmstate import vm.state --section e1000
  vmstate import vm.state --with-main -o src/main.rs && cargo run vm.state
  qemu-system-x86_64 -M q35 -dump-vmstate q35.json && vmstate import q35.json";

const COMPLETIONS_EXAMPLE: &str = "\
Examples:
  vmstate completions bash > ~/.local/share/bash-completion/completions/vmstate
  vmstate completions fish > ~/.config/fish/completions/vmstate.fish";

const MAN_EXAMPLE: &str = "\
Example:
  vmstate man ~/.local/share/man/man1 && man vmstate-diff";
