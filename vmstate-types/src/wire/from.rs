//! Conversions into readers.
//!
//! They decide how much a reader can do with its source: slices and files can be read from their ends ahead of time,
//! and never wait for a peer. A blanket conversion of `std::io::Read` could not tell them from a socket.

use alloc::vec::Vec;

use super::Reader;

impl<'a> From<&'a [u8]> for Reader<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::from_slice(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Reader<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::from_slice(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Reader<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::from_slice(bytes)
    }
}

#[cfg(feature = "std")]
mod std_io {
    use alloc::boxed::Box;
    use std::fs::File;
    use std::io::{Cursor, PipeReader, Read, Stdin};
    use std::net::TcpStream;
    #[cfg(unix)]
    use std::os::unix::net::UnixStream;
    use std::process::ChildStdout;

    use crate::wire::Reader;

    impl<'a, T: AsRef<[u8]> + Send + 'a> From<Cursor<T>> for Reader<'a> {
        fn from(cursor: Cursor<T>) -> Self {
            Self::from_file(cursor)
        }
    }

    impl From<File> for Reader<'_> {
        /// A file that is not a regular one, such as a FIFO or a terminal, cannot seek and may block: it is read like a
        /// socket.
        fn from(file: File) -> Self {
            if is_regular(&file) { Self::from_file(file) } else { Self::from_read(file) }
        }
    }

    impl<'a> From<&'a File> for Reader<'a> {
        fn from(file: &'a File) -> Self {
            if is_regular(file) { Self::from_file(file) } else { Self::from_read(file) }
        }
    }

    fn is_regular(file: &File) -> bool {
        file.metadata().is_ok_and(|metadata| metadata.is_file())
    }

    /// Reads from anything else by reference.
    impl<'a, R: Read + Send + ?Sized> From<&'a mut R> for Reader<'a> {
        fn from(read: &'a mut R) -> Self {
            Self::from_read(read)
        }
    }

    impl<'a> From<Box<dyn Read + Send + 'a>> for Reader<'a> {
        fn from(read: Box<dyn Read + Send + 'a>) -> Self {
            Self::from_read(read)
        }
    }

    macro_rules! from_read {
        ($($source:ty),*) => {$(
            impl<'a> From<$source> for Reader<'a> {
                fn from(read: $source) -> Self {
                    Self::from_read(read)
                }
            }
        )*};
    }

    from_read!(TcpStream, &'a TcpStream, ChildStdout, PipeReader, Stdin);
    #[cfg(unix)]
    from_read!(UnixStream, &'a UnixStream);
}
