//! The handles of a file that several threads write or read, and direct I/O.

use std::fs::File;
use std::io;

use crate::memory::PageSize;

/// The alignment of direct I/O, which is enough for all usual file systems and disks.
pub(super) const DIRECT: usize = 4096;

/// Returns `count` handles of a file. With `direct`, they are opened by this path, and bypass the page cache (QEMU's
/// parameter `direct-io`, `file_send_channel_create` in `migration/file.c`).
pub(in crate::migration::drive) fn handles(
    file: &File,
    count: u8,
    direct: Option<&str>,
    page_size: PageSize,
) -> io::Result<Vec<File>> {
    if direct.is_some() && !page_size.bytes().is_multiple_of(DIRECT as u64) {
        let text = format!("direct I/O requires pages of a multiple of {DIRECT} bytes; switch `direct-io` off");
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    (0..count).map(|_| direct.map_or_else(|| file.try_clone(), |path| open(path, file))).collect()
}

#[cfg(target_os = "linux")]
fn open(path: &str, file: &File) -> io::Result<File> {
    use std::fs::OpenOptions;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    use rustix::fs::OFlags;

    let writes = rustix::fs::fcntl_getfl(file)?.contains(OFlags::WRONLY);
    let flags = i32::try_from(OFlags::DIRECT.bits()).map_err(io::Error::other)?;
    let opened = OpenOptions::new().read(!writes).write(writes).custom_flags(flags).open(path);
    let opened = opened.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => io::Error::new(
            error.kind(),
            format!("the file system of `{path}` has no direct I/O; switch `direct-io` off"),
        ),
        _ => error,
    })?;
    let (found, expected) = (opened.metadata()?, file.metadata()?);
    if (found.dev(), found.ino()) != (expected.dev(), expected.ino()) {
        return Err(io::Error::other(format!("`{path}` was replaced by another file; repeat the migration")));
    }
    Ok(opened)
}

#[cfg(not(target_os = "linux"))]
fn open(_: &str, _: &File) -> io::Result<File> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "direct I/O requires Linux; switch `direct-io` off"))
}
