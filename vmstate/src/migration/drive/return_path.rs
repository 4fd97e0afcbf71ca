//! The return path of a destination: messages to the source, from several threads.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vmstate_types::Writer;

use crate::stream::ReturnPathMessage;

/// Writes messages to the source, from all threads.
#[derive(Debug, Clone, Default)]
pub(super) struct ReturnPath(Arc<Mutex<Option<File>>>);

impl ReturnPath {
    fn lock(&self) -> MutexGuard<'_, Option<File>> {
        // A message that was written in part by a thread that has panicked is an error of the connection.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn replace(&self, output: Option<File>) {
        *self.lock() = output;
    }

    pub(super) fn send(&self, message: &ReturnPathMessage, data: &[u8]) -> Result<(), String> {
        let mut bytes = Writer::new();
        message.encode(&mut bytes);
        bytes.bytes(data);
        let mut output = self.lock();
        let output = output.as_mut().ok_or("the connection is not writable")?;
        output.write_all(bytes.pending()).map_err(|error| format!("connection lost: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn closed_connection_is_lost() {
        let (near, far) = UnixStream::pair().unwrap();
        drop(far);
        let path = ReturnPath::default();
        path.replace(Some(OwnedFd::from(near).into()));
        let error = path.send(&ReturnPathMessage::Pong(1), &[]).unwrap_err();
        assert!(error.starts_with("connection lost: Broken pipe"), "{error}");
    }
}
