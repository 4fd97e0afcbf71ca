//! Systems on which no memory is handed over.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::host::HostMemory;
use super::socket::Socket;
use crate::migration::uri::Uri;

/// Returns an error.
pub(super) fn connect(_: &Uri, _: Duration, _: Duration) -> io::Result<Socket> {
    Err(io::Error::new(ErrorKind::Unsupported, "the mode `cpr-transfer` requires Linux; use the mode `normal`"))
}

/// Returns: no connection can be made.
pub(super) fn send(_: &Socket, _: &HostMemory, _: Duration) -> io::Result<()> {
    Ok(())
}
