//! Vectored reads and writes from and to guest memory.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd};

use libc::iovec;

use super::HostRange;

/// A part of a [`write_gathered`] call: bytes or guest memory, like `std`'s `IoSlice`.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Gather<'a>(iovec, PhantomData<HostRange<'a>>);

/// A part of a [`read_scattered`] call: a buffer or guest memory, like `std`'s `IoSliceMut`.
#[derive(Debug)]
#[repr(transparent)]
pub struct Scatter<'a>(iovec, PhantomData<HostRange<'a>>);

impl<'a> From<&'a [u8]> for Gather<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }, PhantomData)
    }
}

impl<'a> From<HostRange<'a>> for Gather<'a> {
    fn from(memory: HostRange<'a>) -> Self {
        Self(iovec { iov_base: memory.as_ptr().cast(), iov_len: memory.len() }, PhantomData)
    }
}

impl<'a> From<&'a mut [u8]> for Scatter<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        Self(iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() }, PhantomData)
    }
}

impl<'a> From<HostRange<'a>> for Scatter<'a> {
    fn from(memory: HostRange<'a>) -> Self {
        Self(iovec { iov_base: memory.as_ptr().cast(), iov_len: memory.len() }, PhantomData)
    }
}

impl Gather<'_> {
    /// Removes the first `count` bytes of `parts`, which were written, and empty parts at the front.
    pub fn advance(parts: &mut &mut [Self], count: usize) {
        let vectors = std::mem::take(parts);
        *parts = advance(vectors, |part| &mut part.0, count);
    }
}

impl Scatter<'_> {
    /// Removes the first `count` bytes of `parts`, which were read, and empty parts at the front.
    pub fn advance(parts: &mut &mut [Self], count: usize) {
        let vectors = std::mem::take(parts);
        *parts = advance(vectors, |part| &mut part.0, count);
    }
}

fn advance<T>(parts: &mut [T], vector: fn(&mut T) -> &mut iovec, mut count: usize) -> &mut [T] {
    let is_used = |part: &mut T| {
        let vector = vector(part);
        let used = vector.iov_len.min(count);
        vector.iov_base = vector.iov_base.wrapping_byte_add(used);
        vector.iov_len -= used;
        count -= used;
        vector.iov_len == 0
    };
    let used = parts.iter_mut().map(is_used).take_while(|used| *used).count();
    &mut parts[used..]
}

/// The most parts that the kernel accepts in one call (`UIO_MAXIOV`).
const MAX_PARTS: usize = 1024;

/// Writes bytes and guest memory with one `writev`, without copying them in the process. Returns the number of bytes that
/// were written; only the first 1,024 parts are.
///
/// # Errors
/// Returns the error of the system.
pub fn write_gathered(file: impl AsFd, parts: &[Gather<'_>]) -> io::Result<usize> {
    let count = parts.len().min(MAX_PARTS);
    // SAFETY: a `Gather` is an `iovec` of readable memory that its lifetime keeps mapped, and the kernel only reads it.
    let written = unsafe { libc::writev(file.as_fd().as_raw_fd(), parts.as_ptr().cast(), vectors(count)) };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}

/// Reads into buffers and guest memory with one `readv`. Returns the number of bytes that were read; only the first 1,024
/// parts are filled.
///
/// # Errors
/// Returns the error of the system.
pub fn read_scattered(file: impl AsFd, parts: &mut [Scatter<'_>]) -> io::Result<usize> {
    let count = parts.len().min(MAX_PARTS);
    // SAFETY: a `Scatter` is an `iovec` of memory that its lifetime keeps mapped, and that is borrowed exclusively or is
    // guest memory, which the kernel may change.
    let read = unsafe { libc::readv(file.as_fd().as_raw_fd(), parts.as_mut_ptr().cast(), vectors(count)) };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}

/// Writes guest memory at `offset` of a file with one `pwrite`. Returns the number of bytes that were written.
///
/// # Errors
/// Returns the error of the system.
pub(crate) fn write_memory_at(file: impl AsFd, memory: HostRange<'_>, offset: u64) -> io::Result<usize> {
    let offset = libc::off_t::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    // SAFETY: a `HostRange` is mapped for its lifetime, and the kernel only reads it.
    let written = unsafe { libc::pwrite(file.as_fd().as_raw_fd(), memory.as_ptr().cast(), memory.len(), offset) };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}

/// Reads from `offset` of a file into guest memory with one `pread`. Returns the number of bytes that were read, which is 0
/// at the end of the file.
///
/// # Errors
/// Returns the error of the system.
pub(crate) fn read_memory_at(file: impl AsFd, memory: HostRange<'_>, offset: u64) -> io::Result<usize> {
    let offset = libc::off_t::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    // SAFETY: a `HostRange` is mapped and writable for its lifetime, and the kernel writes at most its length. References to
    // these bytes are only to atomic types (`HostRange::from_raw_parts`), so others may use them meanwhile. The file is
    // borrowed, and thus open.
    let read = unsafe { libc::pread(file.as_fd().as_raw_fd(), memory.as_ptr().cast(), memory.len(), offset) };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}

fn vectors(count: usize) -> libc::c_int {
    libc::c_int::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;

    use super::super::vector;
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support sendmsg")]
    fn guest_memory_goes_through_a_socket() {
        let (source, destination) = (vector::share((0..200).collect()), vector::share(vec![0; 200]));
        let (source, destination) = (HostRange::from(&*source), HostRange::from(&*destination));
        let (left, right) = UnixStream::pair().unwrap();
        let mut parts = [Gather::from(&b"head"[..]), Gather::from(&[][..]), Gather::from(source)];
        let mut parts = &mut parts[..];
        Gather::advance(&mut parts, 4);
        assert_eq!(parts.len(), 1);
        Gather::advance(&mut parts, 10);
        assert_eq!(write_gathered(&left, parts).unwrap(), 190);

        let mut first = [0; 7];
        let mut parts = [Scatter::from(&mut first[..]), Scatter::from(destination)];
        assert_eq!(read_scattered(&right, &mut parts).unwrap(), 190);
        let mut parts = &mut parts[..];
        Scatter::advance(&mut parts, 8);
        assert_eq!(parts.len(), 1);
        assert_eq!(first, [10, 11, 12, 13, 14, 15, 16]);
        assert_eq!(destination.load(182), Some([199, 0]));
        right.shutdown(Shutdown::Both).unwrap();
        assert!(write_gathered(&left, &[Gather::from(source)]).is_err());
    }

    #[cfg(feature = "migration")]
    #[test]
    fn guest_memory_has_a_place_in_a_file() {
        let path = std::env::temp_dir().join(format!("vmstate-vectored-{}", std::process::id()));
        let file = std::fs::File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let (source, destination) = (vector::share((0..200).collect()), vector::share(vec![0; 200]));
        let (source, destination) = (HostRange::from(&*source), HostRange::from(&*destination));
        // A call may process a part, as it often does in Miri.
        let whole = |memory: HostRange<'_>, step: &dyn Fn(HostRange<'_>, u64) -> io::Result<usize>| {
            let mut done = 0;
            while let count @ 1.. = step(memory.get(done..memory.len()).unwrap(), done as u64).unwrap() {
                done += count;
            }
            done
        };
        assert_eq!(whole(source, &|memory, done| write_memory_at(&file, memory, 1000 + done)), 200);
        assert_eq!(whole(destination, &|memory, done| read_memory_at(&file, memory, 1010 + done)), 190);
        assert_eq!((destination.load(0), destination.load(189)), (Some([10, 11]), Some([199, 0])));
        assert_eq!(read_memory_at(&file, destination, 1200).unwrap(), 0);
        let error = read_memory_at(&file, destination, u64::MAX).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
