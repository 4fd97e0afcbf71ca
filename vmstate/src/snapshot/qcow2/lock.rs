//! The lock of an image that is changed.

use std::fs::File;
use std::io;
use std::ops::Deref;

/// A file whose bytes are locked until this is dropped.
///
/// The lock belongs to the opened file: other processes cannot lock the image, nor other threads that have opened it. A lock
/// of the process would end as soon as any thread closes the image.
///
/// QEMU locks bytes of an open image in the same way (`raw_apply_lock_bytes` in QEMU's `block/file-posix.c`), and so cannot use
/// it meanwhile.
#[derive(Debug)]
pub(super) struct Locked(File);

impl Locked {
    /// Locks all bytes.
    ///
    /// # Errors
    /// Returns an error if another opened file has locked some of them.
    pub(super) fn new(file: File) -> io::Result<Self> {
        set(&file, true)?;
        Ok(Self(file))
    }
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // A process that another thread is starting has a copy of the descriptor for a moment, which would keep the lock.
        let _ = set(&self.0, false);
    }
}

#[cfg(target_os = "linux")]
fn set(file: &File, locks: bool) -> io::Result<()> {
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc::{F_UNLCK, F_WRLCK, SEEK_SET, flock};

    let kind = if locks { F_WRLCK } else { F_UNLCK };
    let [kind, start] = [kind, SEEK_SET].map(|value| value.try_into().unwrap_or_default());
    let all_bytes = flock { l_type: kind, l_whence: start, l_start: 0, l_len: 0, l_pid: 0 };
    fcntl(file, FcntlArg::F_OFD_SETLK(&all_bytes))?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn set(file: &File, locks: bool) -> io::Result<()> {
    use rustix::fs::{FlockOperation, fcntl_lock};

    let operation = if locks { FlockOperation::NonBlockingLockExclusive } else { FlockOperation::NonBlockingUnlock };
    fcntl_lock(file, operation)?;
    Ok(())
}
