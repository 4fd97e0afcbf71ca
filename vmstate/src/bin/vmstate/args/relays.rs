//! The arguments of the command `relay`.

use std::path::PathBuf;

use clap::Args;
use vmstate::migration::{Compression, QemuRelease, Uri};

use super::transfer::{Uuid, parse_release, parse_uuid};

/// Relay a migration between two QEMUs
///
/// Listens at LISTEN for a source, and connects it to the destination that waits at CONNECT. The guest keeps running at its
/// origin, and nothing is stored. The end of the stream is held back until all of it has arrived and the destination has
/// loaded the devices. A failure before leaves the guest at the origin. After it, the origin is kept paused until the
/// destination confirms that it has the guest; if it never does, end the QEMU that must not run, and then the relay with
/// Ctrl-C, which continues the origin's guest.
///
/// The source needs the capability `return-path`. Data channels (`multifd`) are copied, unless --connect-multifd sets the
/// channels of the destination. One side may have no channels (0): then its pages are in the main connection. The capabilities `postcopy-ram` and `x-colo` must be off.
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

    /// Number of data channels of the destination (capability `multifd`), if they are not copied; 0 without the capability
    #[arg(long, value_name = "CHANNELS")]
    pub(crate) connect_multifd: Option<u8>,

    /// Compression of the destination's data channels (`multifd-compression`): `none`, `zlib` or `zstd`
    #[arg(long, value_name = "METHOD", requires = "connect_multifd", value_parser = parse_compression)]
    pub(crate) connect_compression: Option<Compression>,

    /// Release of the destination, if only it has data channels, for machine types without a version: `7.2`, `10.0` or `11.1`
    #[arg(long, value_name = "RELEASE", requires = "connect_multifd", value_parser = parse_release)]
    pub(crate) connect_release: Option<QemuRelease>,

    /// UUID of the destination (option `-uuid`), if only it has data channels
    #[arg(long, value_name = "UUID", requires = "connect_multifd", value_parser = parse_uuid)]
    pub(crate) connect_uuid: Option<Uuid>,

    /// Number of data channels of the source (default: as many as the destination's); 0 without the capability. Their
    /// compression is found
    #[arg(long, value_name = "CHANNELS", requires = "connect_multifd")]
    pub(crate) listen_multifd: Option<u8>,

    #[cfg(feature = "tls")]
    #[command(flatten)]
    pub(crate) tls: RelayTls,

    /// Seconds in which a peer must accept bytes, and the destination must load the devices
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: u32,
}

/// The encryption of both sides.
#[cfg(feature = "tls")]
#[derive(Debug, Args)]
pub(crate) struct RelayTls {
    /// Encrypt the source's side, with the certificates in FOLDER: `ca-cert.pem`, `server-cert.pem` and `server-key.pem`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) listen_tls_creds: Option<PathBuf>,

    /// Distinguished name of the only source to accept (default: each with a certificate of the authority)
    #[arg(long, value_name = "NAME", requires = "listen_tls_creds")]
    pub(crate) listen_tls_authz: Option<String>,

    /// Encrypt the destination's side, with the certificates in FOLDER: `ca-cert.pem`, `client-cert.pem` and
    /// `client-key.pem`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) connect_tls_creds: Option<PathBuf>,

    /// Name in the certificate of the destination (default: the host of `tcp:`)
    #[arg(long, value_name = "NAME", requires = "connect_tls_creds")]
    pub(crate) connect_tls_hostname: Option<String>,
}

fn parse_compression(text: &str) -> Result<Compression, String> {
    let known = [Compression::None, Compression::Zlib, Compression::Zstd];
    let found = known.into_iter().find(|compression| compression.to_string() == text);
    found.ok_or_else(|| "expected none, zlib or zstd".to_owned())
}

const RELAY_EXAMPLE: &str = "\
Examples:
  vmstate relay tcp:0.0.0.0:4445 tcp:new:4444
  vmstate check old.state new.state --relay-rules -o rules.json
  vmstate relay tcp:0.0.0.0:4445 tcp:new:4444 --rules rules.json
  vmstate relay tcp:0.0.0.0:4445 tcp:new:4444 --listen-multifd 0 --connect-multifd 4
  vmstate relay tcp:0.0.0.0:4445 tcp:new:4444 --connect-multifd 4 --connect-compression zstd

Commands for the monitor of the source:
  migrate_set_capability return-path on
  migrate tcp:relay:4445";
