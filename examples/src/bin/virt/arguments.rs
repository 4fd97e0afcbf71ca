//! The command line arguments.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
#[cfg(target_os = "linux")]
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
#[cfg(target_os = "linux")]
use vmstate::migration::HandedOver;
use vmstate::migration::{QemuRelease, Uri};
use vmstate::schema::Release;
#[cfg(not(target_os = "linux"))]
use vmstate::snapshot::StoreErrorKind;
use vmstate::snapshot::{Folder, StoreError};
#[cfg(target_os = "linux")]
use vmstate_examples::virt::Origin;
use vmstate_examples::virt::memory::Memory;
use vmstate_examples::virt::{Board, PageLog};

/// The default guest program (examples/guest/hasher.c).
const HASHER: &[u8] = include_bytes!("../../../guest/images/hasher.img");

/// Run a RISC-V guest, and migrate it to and from QEMU
///
/// The board is compatible with QEMU's machine `virt`. A URI is tcp:HOST:PORT, unix:PATH, fd:NAME, exec:COMMAND or
/// file:PATH, as in QEMU's `migrate` and `-incoming`.
#[derive(Parser)]
#[command(name = "virt", max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  virt demo                                                migrate a running guest between processes
  virt run                                                 run the default program
  virt run --qmp unix:/tmp/a                               run it under the control of QEMU's clients
  virt run --qmp unix:/tmp/b --incoming unix:/tmp/guest    wait for a guest and run it
  virt run --handover unix:/tmp/m --incoming unix:/tmp/g   take over a guest and its memory on this host
  virt run --snapshots saved                               save snapshots in a folder with Ctrl-A S
  virt run --rewind 64M                                    rewind by a second with each Ctrl-A R
  virt run --restore saved#1                               continue from a snapshot
  virt run --restore saved#1 --lazy                        continue at once, and read the memory meanwhile";

/// Only Linux hands memory over.
#[cfg(not(target_os = "linux"))]
type HandedOver = std::convert::Infallible;

/// The time to wait for the memory of another process.
#[cfg(target_os = "linux")]
const TAKE_OVER: Duration = Duration::from_secs(3600);

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a program with standard input and output as its serial port
    Run(Box<Run>),
    /// Migrate a running guest between processes
    Demo {
        /// Number of migrations
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        hops: u32,
    },
}

#[derive(Args)]
pub(crate) struct Run {
    /// Socket of the monitor (QMP)
    #[arg(long, value_name = "unix:PATH", value_parser = parse_socket)]
    pub(crate) qmp: Option<PathBuf>,
    /// Address to wait for a guest, or `defer` to receive the address on the monitor
    #[arg(long, value_name = "URI|defer")]
    pub(crate) incoming: Option<Uri>,
    /// Folder for the snapshots that Ctrl-A S and clients of the monitor save (node `snapshots`)
    #[arg(long, value_name = "FOLDER")]
    pub(crate) snapshots: Option<PathBuf>,
    /// Memory for states of the guest, one for each second, that Ctrl-A R rewinds to
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) rewind: Option<usize>,
    /// Snapshot to continue from: its folder, and its name or id
    #[arg(long, value_name = "FOLDER#NAME", value_parser = parse_snapshot, conflicts_with_all = ["incoming", "image"])]
    restore: Option<(PathBuf, String)>,
    /// Read the memory of the snapshot while the guest runs
    #[arg(long, requires = "restore")]
    lazy: bool,
    /// Map the memory of the snapshot, whose file must not shrink while the guest runs
    #[arg(long, requires = "restore", conflicts_with = "lazy")]
    mapped: bool,
    /// Program image to load at 0x80000000 (default: the self-verifying `hasher`)
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Size of memory with the suffix K, M or G, the same on source and destination
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = parse_size)]
    memory: usize,
    /// Share the memory, so that another process can take it over (mode `cpr-transfer`)
    #[cfg(target_os = "linux")]
    #[arg(long, conflicts_with_all = ["memory_file", "handover"])]
    shared: bool,
    /// File for the memory, which the source and the destination on this host map (capability `x-ignore-shared`)
    #[cfg(target_os = "linux")]
    #[arg(long, value_name = "FILE", conflicts_with = "handover")]
    memory_file: Option<PathBuf>,
    /// Socket to take the memory of another process over, which then migrates its guest to `--incoming`
    #[cfg(target_os = "linux")]
    #[arg(long, value_name = "unix:PATH", requires = "incoming")]
    pub(crate) handover: Option<Uri>,
    /// Do not start the guest until the command `cont`
    #[arg(long, requires = "qmp")]
    pub(crate) paused: bool,
    /// QEMU release whose streams and monitor the board has
    #[arg(long, value_enum, value_name = "RELEASE", default_value_t = Qemu::Ten)]
    qemu: Qemu,
    /// Object that the parameters `tls-creds` and `tls-authz` name, such as
    /// `tls-creds-x509,id=tls0,dir=FOLDER,endpoint=server` or `authz-simple,id=auth0,identity=CN=host`
    #[cfg(feature = "tls")]
    #[arg(long = "object", value_name = "TYPE,id=ID,...")]
    pub(crate) objects: Vec<String>,
    /// Log of the pages that the guest writes while it migrates
    #[arg(long, value_enum, value_name = "LOG", default_value_t = Log::Marked)]
    dirty_log: Log,
    /// Report once a second how much memory the guest writes
    #[arg(long)]
    pub(crate) dirty_rate: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Log {
    /// The emulated processor marks them
    Marked,
    /// The kernel protects them (Linux 6.7)
    WriteProtect,
}

#[derive(Clone, Copy, ValueEnum)]
enum Qemu {
    #[value(name = "7.2")]
    SevenTwo,
    #[value(name = "10.0")]
    Ten,
    #[value(name = "11.1")]
    ElevenOne,
}

impl Run {
    /// Waits until another process hands its memory over, if it is to.
    pub(crate) fn take_over(&self) -> Result<Option<HandedOver>, Box<dyn Error>> {
        #[cfg(target_os = "linux")]
        if let Some(uri) = &self.handover {
            if self.incoming == Some(Uri::Defer) {
                return Err("`--handover` needs the address of the guest: use another `--incoming` than `defer`".into());
            }
            return Ok(Some(HandedOver::receive(uri, TAKE_OVER)?));
        }
        Ok(None)
    }

    /// Creates the memory, also with the descriptors that another process hands over.
    #[cfg(target_os = "linux")]
    pub(crate) fn memory(&self, handed_over: Option<&mut HandedOver>) -> Result<Memory, Box<dyn Error>> {
        let origin = match (handed_over, &self.memory_file) {
            (Some(files), _) => Origin::HandedOver(files),
            (None, Some(path)) => Origin::File(path),
            (None, None) if self.shared => Origin::Descriptors,
            (None, None) => Origin::Private,
        };
        Memory::from_origin(self.memory, origin)
    }

    /// Creates the memory.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn memory(&self, _: Option<&mut HandedOver>) -> Result<Memory, Box<dyn Error>> {
        Ok(Memory::new(self.memory))
    }

    /// Creates the board, with its program unless it waits for a guest. Errors of a lazy restore are sent later.
    pub(crate) fn board(&self, memory: Memory, failures: Sender<String>) -> Result<Board, Box<dyn Error>> {
        let mut board = Board::with_memory(memory);
        if let Some((folder, key)) = &self.restore {
            let folder = Folder::open(folder)?;
            match (self.lazy, self.mapped) {
                (true, _) => load_lazily(&mut board, &folder, key, failures)?,
                (_, true) => load_mapped(&mut board, &folder, key)?,
                _ => drop(board.load_snapshot(&folder, key)?),
            }
            return Ok(board);
        }
        match &self.image {
            _ if self.incoming.is_some() => {}
            None => board.load_image(HASHER)?,
            Some(path) => {
                let image = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
                board.load_image(&image)?;
            }
        }
        Ok(board)
    }

    pub(crate) fn page_log(&self) -> PageLog {
        match self.dirty_log {
            Log::Marked => PageLog::Marked,
            Log::WriteProtect => PageLog::WriteProtect,
        }
    }

    /// Returns the release whose streams the board writes.
    pub(crate) fn stream(&self) -> Release {
        match self.qemu {
            Qemu::SevenTwo => Release::Qemu7_2,
            Qemu::Ten => Release::Qemu10_0,
            Qemu::ElevenOne => Release::Qemu11_1,
        }
    }

    /// Returns the release whose monitor the board has.
    pub(crate) fn monitor(&self) -> QemuRelease {
        match self.qemu {
            Qemu::SevenTwo => QemuRelease::V7_2,
            Qemu::Ten => QemuRelease::V10_0,
            Qemu::ElevenOne => QemuRelease::V11_1,
        }
    }
}

#[cfg(target_os = "linux")]
fn load_lazily(board: &mut Board, folder: &Folder, key: &str, failures: Sender<String>) -> Result<(), StoreError> {
    // The restore goes on in the background.
    board.load_snapshot_lazily(folder, key, move |error| drop(failures.send(error.to_string()))).map(drop)
}

#[cfg(target_os = "linux")]
fn load_mapped(board: &mut Board, folder: &Folder, key: &str) -> Result<(), StoreError> {
    board.load_snapshot_mapped(folder, key).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn load_lazily(_: &mut Board, _: &Folder, _: &str, _: Sender<String>) -> Result<(), StoreError> {
    Err(StoreError::new(StoreErrorKind::Unsupported, "a lazy restore requires Linux"))
}

#[cfg(not(target_os = "linux"))]
fn load_mapped(_: &mut Board, _: &Folder, _: &str) -> Result<(), StoreError> {
    Err(StoreError::new(StoreErrorKind::Unsupported, "a mapped restore requires Linux"))
}

/// Splits the folder from the name of a snapshot.
fn parse_snapshot(text: &str) -> Result<(PathBuf, String), String> {
    let (folder, key) = text.rsplit_once('#').ok_or_else(|| "expected FOLDER#NAME".to_owned())?;
    Ok((PathBuf::from(folder), key.to_owned()))
}

fn parse_socket(text: &str) -> Result<PathBuf, String> {
    text.strip_prefix("unix:").map(PathBuf::from).ok_or_else(|| "expected unix:PATH".to_owned())
}

/// Parses a size of whole pages.
fn parse_size(text: &str) -> Result<usize, String> {
    const PAGE: usize = 4096;
    let (number, shift) = match text.char_indices().next_back() {
        Some((at, 'K' | 'k')) => (&text[..at], 10),
        Some((at, 'M' | 'm')) => (&text[..at], 20),
        Some((at, 'G' | 'g')) => (&text[..at], 30),
        _ => (text, 0),
    };
    let size = number.parse::<usize>().ok().and_then(|number| number.checked_mul(1 << shift));
    size.filter(|size| *size > 0 && size % PAGE == 0).ok_or_else(|| "expected a multiple of 4K, such as 16M".to_owned())
}
