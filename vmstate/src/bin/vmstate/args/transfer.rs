//! The arguments of the commands `receive` and `send`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use vmstate::memory::PageSize;
use vmstate::migration::{QemuRelease, Uri};

/// Take a guest out of a running QEMU, and save it
///
/// Listens at URI, and receives the guest that a QEMU sends with `migrate`. Devices are kept as bytes, so any machine can
/// be received. The output is one stream, in which each page is present once, or a snapshot. If the source has the
/// capability `return-path`, it reports `completed` after the output is on the disk, and continues its guest after any
/// failure before. The capability `postcopy-ram` must be off.
///
/// Guest memory is collected in a sparse temporary file: in the folder of the output, or in TMPDIR for standard output.
#[derive(Debug, Args)]
#[command(after_help = RECEIVE_EXAMPLE)]
pub(crate) struct Receive {
    /// Address to listen at: `unix:PATH`, `tcp:HOST:PORT`, `fd:N` or `exec:COMMAND`
    pub(crate) uri: Uri,

    /// Output file, or STORE#NAME for a snapshot in a folder or qcow2 image; `-` is standard output
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    pub(crate) output: PathBuf,

    /// Format of an output file
    #[arg(long, value_name = "FORMAT", default_value = "stream")]
    pub(crate) format: Format,

    /// Number of data channels (capability `multifd`)
    #[arg(long, value_name = "CHANNELS", value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) multifd: Option<u8>,

    /// Replace a snapshot of the same name
    #[arg(long)]
    pub(crate) replace: bool,

    #[cfg(feature = "tls")]
    #[command(flatten)]
    pub(crate) tls: ReceiveTls,

    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// Send a saved guest to a running QEMU
///
/// Connects to URI, where a QEMU of the same machine waits with `-incoming`. The input is a stream, also with memory at
/// fixed places (`mapped-ram`), or a snapshot. It remains unchanged. The guest runs on the destination if it ran when it
/// was saved.
///
/// Guest memory is copied to a sparse temporary file in TMPDIR.
#[derive(Debug, Args)]
#[command(after_help = SEND_EXAMPLE)]
pub(crate) struct Send {
    /// Stream, or STORE#NAME for a snapshot in a folder or qcow2 image; `-` is standard input
    pub(crate) file: PathBuf,

    /// Address of the destination: `unix:PATH`, `tcp:HOST:PORT`, `fd:N` or `exec:COMMAND`
    pub(crate) uri: Uri,

    /// Number of data channels (capability `multifd`)
    #[arg(long, value_name = "CHANNELS", value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) multifd: Option<u8>,

    /// Release of the destination, for data channels of machine types without a version: `7.2`, `10.0` or `11.1`
    #[arg(long, value_name = "RELEASE", default_value = "10.0", value_parser = parse_release)]
    pub(crate) release: QemuRelease,

    /// UUID of the destination (option `-uuid`), for data channels
    #[arg(long, value_parser = parse_uuid)]
    pub(crate) uuid: Option<Uuid>,

    /// Bandwidth limit in bytes per second (default: none)
    #[arg(long, value_name = "BYTES", default_value = "0", hide_default_value = true)]
    pub(crate) max_bandwidth: u64,

    #[cfg(feature = "tls")]
    #[command(flatten)]
    pub(crate) tls: SendTls,

    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// The encryption of a destination.
#[cfg(feature = "tls")]
#[derive(Debug, Args)]
pub(crate) struct ReceiveTls {
    /// Encrypt the migration, with the certificates in FOLDER: `ca-cert.pem`, `server-cert.pem` and `server-key.pem`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) tls_creds: Option<PathBuf>,

    /// Distinguished name of the only client to accept, such as `CN=host.example` (default: each client with a certificate
    /// of the authority)
    #[arg(long, value_name = "NAME", requires = "tls_creds")]
    pub(crate) tls_authz: Option<String>,
}

/// The encryption of a source.
#[cfg(feature = "tls")]
#[derive(Debug, Args)]
pub(crate) struct SendTls {
    /// Encrypt the migration, with the certificates in FOLDER: `ca-cert.pem`, `client-cert.pem` and `client-key.pem`
    #[arg(long, value_name = "FOLDER")]
    pub(crate) tls_creds: Option<PathBuf>,

    /// Name in the certificate of the destination (default: the host of `tcp:`)
    #[arg(long, value_name = "NAME", requires = "tls_creds")]
    pub(crate) tls_hostname: Option<String>,
}

/// Properties of the guest that its stream does not contain at its beginning.
#[derive(Debug, Args)]
pub(crate) struct Limits {
    /// Target page size (default: found in the stream)
    #[arg(long, value_name = "BYTES", value_parser = parse_page_size)]
    pub(crate) page_size: Option<PageSize>,

    /// Most GiB of guest memory to accept
    #[arg(long, value_name = "GIB", default_value = "1024")]
    pub(crate) max_memory: u32,
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A stream, for any QEMU
    Stream,
    /// Memory at fixed places, for QEMU since 9.0 with the capability `mapped-ram`
    MappedRam,
}

/// A UUID.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Uuid(pub(crate) [u8; 16]);

fn parse_page_size(text: &str) -> Result<PageSize, String> {
    let bytes = text.parse().map_err(|_| "expected a number of bytes".to_owned())?;
    PageSize::new(bytes).map_err(|error| error.to_string())
}

pub(super) fn parse_release(text: &str) -> Result<QemuRelease, String> {
    match text {
        "7.2" => Ok(QemuRelease::V7_2),
        "10.0" => Ok(QemuRelease::V10_0),
        "11.1" => Ok(QemuRelease::V11_1),
        _ => Err("expected 7.2, 10.0 or 11.1".to_owned()),
    }
}

pub(super) fn parse_uuid(text: &str) -> Result<Uuid, String> {
    let digits: String = text.chars().filter(|digit| *digit != '-').collect();
    match u128::from_str_radix(&digits, 16) {
        Ok(number) if digits.len() == 32 => Ok(Uuid(number.to_be_bytes())),
        _ => Err("expected 32 hexadecimal digits".to_owned()),
    }
}

const RECEIVE_EXAMPLE: &str = "\
Examples:
  vmstate receive unix:/run/guest.sock -o guest.state
  vmstate receive tcp:0.0.0.0:4444 -o 'disk.qcow2#before the update' --multifd 4
  vmstate receive unix:/run/guest.sock | zstd > guest.state.zst

Commands for QEMU's monitor:
  migrate_set_capability return-path on
  migrate unix:/run/guest.sock";

const SEND_EXAMPLE: &str = "\
Examples:
  vmstate send guest.state unix:/run/new.sock
  vmstate send 'snapshots#3' tcp:other:4444 --multifd 4
  zstd -dc guest.state.zst | vmstate send - unix:/run/new.sock";
