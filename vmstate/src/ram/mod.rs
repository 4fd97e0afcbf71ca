//! The "ram" section: guest memory, block by block and page by page.
//!
//! A source sends the list of blocks once (section start), pages whenever they change (parts), and the remaining pages when
//! the machine has stopped (end). [`RamSaver`] and [`RamLoader`] do this for memory that implements
//! [`RamBlock`](crate::memory::RamBlock), and [`Ram`] is the section of a machine. [`RecordReader`] decodes single records,
//! for tools and engines without memory.
//! (QEMU: `migration/ram.c`.)
//!
//! ```
//! use vmstate::memory::{PageSize, VecBlock};
//! use vmstate::ram::{RamLoader, RamSaver};
//! use vmstate::{Reader, Writer};
//!
//! let page_size = PageSize::new(256)?;
//! let mut sram = VecBlock::new("sram", vec![0; 2048]);
//! sram.bytes()[0x123] = 0xaa;
//!
//! let mut out = Writer::new();
//! let mut saver = RamSaver::new(page_size);
//! saver.setup(std::slice::from_ref(&sram), &mut out)?;
//! saver.complete(std::slice::from_ref(&sram), &mut out)?;
//! assert!(out.pending().len() < 512, "a zero page has nine bytes");
//!
//! let mut loaded = [VecBlock::new("sram", vec![0; 2048])];
//! let mut reader = Reader::from_slice(out.pending());
//! let mut loader = RamLoader::new(page_size);
//! loader.load(&mut loaded, &mut reader)?; // the start's payload
//! loader.load(&mut loaded, &mut reader)?; // the end's payload
//! assert_eq!(loaded[0], sram);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(all(unix, feature = "migration"))]
mod aligned_buffer;
#[cfg(all(unix, feature = "migration"))]
mod announced;
#[cfg(all(target_os = "linux", feature = "mapping", any(feature = "migration", feature = "snapshot")))]
mod background;
pub(crate) mod channels;
#[cfg(all(target_os = "linux", feature = "mapping", feature = "snapshot"))]
mod in_file;
#[cfg(all(target_os = "linux", feature = "migration", feature = "mapping"))]
mod incoming;
mod left_out;
mod live;
mod load;
mod mapped;
#[cfg(all(unix, feature = "migration"))]
mod page_size;
mod page_writer;
mod patches;
#[cfg(feature = "migration")]
mod postcopy;
mod record;
mod record_reader;
mod save;
#[cfg(all(test, feature = "migration"))]
mod testing;
mod undo_log;
mod view;
pub mod xbzrle;
mod zero;

#[cfg(all(unix, feature = "migration"))]
pub(crate) use aligned_buffer::AlignedBuffer;
#[cfg(all(unix, feature = "migration"))]
pub(crate) use announced::{AnnouncedMemory, AnnouncedRam, Created};
#[cfg(all(target_os = "linux", feature = "mapping", any(feature = "migration", feature = "snapshot")))]
pub(crate) use background::BackgroundPages;
#[cfg(all(target_os = "linux", feature = "mapping", feature = "snapshot"))]
pub(crate) use in_file::{PagesInFile, PlacesLoader};
#[cfg(all(target_os = "linux", feature = "migration", feature = "mapping"))]
pub(crate) use incoming::{IncomingRam, PlacePages, PreemptRam, ReceivedPages};
pub use left_out::LeftOut;
pub use live::Ram;
pub use load::RamLoader;
#[cfg(all(unix, feature = "migration", feature = "schema"))]
pub(crate) use page_size::{PageSizeSearch, search_page_size};
#[cfg(feature = "migration")]
pub use postcopy::PageRequest;
#[cfg(all(unix, feature = "migration", feature = "schema"))]
pub(crate) use record::rewrite_block;
pub use record::{BlockHeader, Mapped, RamOptions, Record, write_record};
pub use record_reader::RecordReader;
pub use save::RamSaver;
pub use zero::is_zero;

/// The version of the section.
pub const VERSION: u32 = 4;
