//! Big-endian cursors over buffers and streams. Devices are saved and loaded through them only.
//!
//! [`Writer`] appends to a growable buffer, which its owner flushes at any time. [`Reader`] reads a slice, or a
//! [`ByteSource`] through a bounded buffer. It can [`peek`](Reader::peek) and tracks its absolute offset.

mod buffered;
mod from;
#[cfg(feature = "std")]
mod io;
mod reader;
mod source;
pub(crate) mod swap;
mod writer;

pub use buffered::BUFFER;
#[cfg(feature = "std")]
pub use io::{IoSource, SeekSource};
pub use reader::Reader;
pub(crate) use reader::{Ahead, Hooks};
pub use source::ByteSource;
pub use writer::Writer;

#[cfg(test)]
mod tests {
    use super::{Reader, Writer};
    use crate::{LoadError, SaveError};

    const fn is_send<T: Send>() {}

    const fn is_sync<T: Sync>() {}

    /// Migration engines move cursors between threads, and errors out of them.
    const _: () = {
        is_send::<Reader<'_>>();
        is_send::<Writer>();
        is_send::<LoadError>();
        is_sync::<LoadError>();
        is_send::<SaveError>();
        is_sync::<SaveError>();
    };
}
