//! File descriptors of this process: sockets, pipes and files.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;

/// Duplicates the descriptor with this number.
pub(super) fn duplicate(name: &str) -> io::Result<OwnedFd> {
    let number: i32 = name.parse().map_err(|_| invalid(name))?;
    if number < 0 {
        return Err(invalid(name));
    }
    get(number).map_err(|error| io::Error::new(error.kind(), format!("descriptor {number}: {error}")))
}

fn invalid(name: &str) -> io::Error {
    // QEMU's message (`monitor_get_fd` in `monitor/fds.c`).
    io::Error::new(ErrorKind::InvalidInput, format!("File descriptor named '{name}' has not been found"))
}

/// Gets the descriptor as another process would: a number alone does not prove that it may be used.
#[cfg(target_os = "linux")]
fn get(number: i32) -> io::Result<OwnedFd> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    Ok(pidfd_getfd(this, number, PidfdGetfdFlags::empty())?)
}

/// Opens the descriptor, which duplicates it on systems with this folder, except for Linux.
#[cfg(not(target_os = "linux"))]
fn get(number: i32) -> io::Result<OwnedFd> {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(format!("/dev/fd/{number}"))?;
    Ok(file.into())
}

/// The kind of a descriptor.
#[derive(Debug)]
pub(super) enum Kind {
    Socket(OwnedFd),
    Pipe(File),
    File(File),
}

pub(super) fn kind(descriptor: OwnedFd) -> io::Result<Kind> {
    use std::os::unix::fs::FileTypeExt;
    let file = File::from(descriptor);
    let found = file.metadata()?.file_type();
    Ok(match () {
        () if found.is_socket() => Kind::Socket(file.into()),
        () if found.is_file() => Kind::File(file),
        () => Kind::Pipe(file),
    })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn descriptors_are_found_by_number() {
        let (socket, _peer) = UnixStream::pair().unwrap();
        let found = duplicate(&socket.as_raw_fd().to_string()).unwrap();
        assert!(matches!(kind(found).unwrap(), Kind::Socket(_)));
        let file = tempfile::tempfile().unwrap();
        assert!(matches!(kind(duplicate(&file.as_raw_fd().to_string()).unwrap()).unwrap(), Kind::File(_)));
        let (reader, _writer) = io::pipe().unwrap();
        assert!(matches!(kind(reader.into()).unwrap(), Kind::Pipe(_)));
    }

    #[test]
    fn unknown_descriptors_are_rejected() {
        for name in ["", "-1", "name", "1000000", "99999999999"] {
            duplicate(name).unwrap_err();
        }
    }
}
