//! The arguments of the command `relay`.

use std::path::PathBuf;

use clap::Args;
use vmstate::migration::Uri;

/// Relay a migration between two QEMUs
///
/// Listens at LISTEN for a source, and connects it to the destination that waits at CONNECT. The guest keeps running at its
/// origin, and nothing is stored. The end of the stream is held back until all of it has arrived and the destination has
/// loaded the devices. A failure before leaves the guest at the origin. After it, the origin is kept paused until the
/// destination confirms that it has the guest; if it never does, end the QEMU that must not run, and then the relay with
/// Ctrl-C, which continues the origin's guest.
///
/// The source needs the capability `return-path`. Data channels (`multifd`) are relayed. The capabilities `postcopy-ram` and
/// `x-colo`, and TLS, must be off.
#[derive(Debug, Args)]
#[command(after_help = RELAY_EXAMPLE)]
pub(crate) struct Relay {
    /// Address to listen at: `tcp:HOST:PORT`, `unix:PATH` or `vsock:CID:PORT`
    pub(crate) listen: Uri,

    /// Address of the destination
    pub(crate) connect: Uri,

    /// Rules for rewriting the devices, as `vmstate check OLD NEW --relay-rules` generates them
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,

    /// Seconds in which a peer must accept bytes, and the destination must load the devices
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: u32,
}

const RELAY_EXAMPLE: &str = "\
Examples:
  vmstate relay tcp:0.0.0.0:4445 tcp:new:4444
  vmstate check old.state new.state --relay-rules -o rules.json
  vmstate relay tcp:0.0.0.0:4445 tcp:new:4444 --rules rules.json

Commands for the monitor of the source:
  migrate_set_capability return-path on
  migrate tcp:relay:4445";
