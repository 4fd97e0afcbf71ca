//! The framing of a migration stream: header, configuration, sections, footers, commands, end, description.
//!
//! This module knows no devices. [`StreamReader`] returns the header of each section, whose payload the caller reads, and
//! [`StreamWriter`] frames payloads that the caller writes. [`ItemDecoder`] is the reader for engines that own their
//! connections: it decodes the bytes that have arrived. [`ReturnPathMessage`] is the protocol of the opposite direction.
//! (QEMU: `qemu_loadvm_state` and `qemu_savevm_state` in `migration/savevm.c`.)
//!
//! ```
//! use vmstate::stream::{Configuration, SectionHeader, StreamItem, StreamReader, StreamWriter};
//! use vmstate::{Reader, Writer};
//!
//! let mut out = Writer::new();
//! let mut stream = StreamWriter::new(&mut out);
//! stream.header();
//! stream.configuration(&Configuration::new("none"));
//! stream.begin_section(&SectionHeader::full(4, "timer", 0, 2));
//! stream.payload().u64(1_000_000);
//! stream.end_section();
//! stream.eof();
//!
//! let mut reader = Reader::from_slice(out.pending());
//! let mut stream = StreamReader::new(&mut reader)?;
//! assert_eq!(stream.configuration().unwrap().machine, "none");
//! while let Some(item) = stream.next_item()? {
//!     let StreamItem::Section(section) = item else { continue };
//!     assert_eq!((section.name.as_str(), section.version), ("timer", 2));
//!     assert_eq!(stream.payload().u64()?, 1_000_000);
//! }
//! assert_eq!(stream.description()?, None);
//! # Ok::<(), vmstate::LoadError>(())
//! ```

mod command;
mod configuration;
pub(crate) mod decode;
mod description;
mod footer;
mod header;
mod item_decoder;
mod message;
mod reader;
mod received_bitmap;
mod return_path;
mod section;
pub mod section_end;
pub(crate) mod wire_enum;
mod writer;

pub use command::{Command, CommandTooLong, DiscardRange, PostcopyAdvice};
pub use configuration::Configuration;
pub use decode::Decoded;
pub(crate) use item_decoder::NextItem;
pub use item_decoder::{ItemDecoder, StreamItem};
pub use reader::StreamReader;
pub use received_bitmap::ReceivedBitmap;
pub use return_path::{DestinationState, ReturnPathMessage};
pub use section::{SectionHeader, SectionKind};
pub use writer::StreamWriter;

/// The first four bytes, `QEVM` (`QEMU_VM_FILE_MAGIC`).
pub const MAGIC: u32 = 0x5145_564d;
/// The version of the framing (`QEMU_VM_FILE_VERSION`).
pub const VERSION: u32 = 3;

/// The first section id of snapshots, which QEMU never reaches.
pub(crate) const HIGH_SECTION_IDS: u32 = 1 << 30;

/// The bytes that begin the items of a stream (`QEMU_VM_*` in QEMU's `migration/savevm.h`).
pub(crate) mod tag {
    pub(crate) const EOF: u8 = 0x00;
    pub(crate) const SECTION_START: u8 = 0x01;
    pub(crate) const SECTION_PART: u8 = 0x02;
    pub(crate) const SECTION_END: u8 = 0x03;
    pub(crate) const SECTION_FULL: u8 = 0x04;
    pub(crate) const SUBSECTION: u8 = 0x05;
    pub(crate) const DESCRIPTION: u8 = 0x06;
    pub(crate) const CONFIGURATION: u8 = 0x07;
    pub(crate) const COMMAND: u8 = 0x08;
    pub(crate) const FOOTER: u8 = 0x7e;
}
