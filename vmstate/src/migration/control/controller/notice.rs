//! The way from the threads of a migration to the thread of the monitor.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use super::super::event::MonitorEvent;

/// A message for the thread of the monitor.
#[derive(Debug)]
pub(super) enum Notice {
    /// An event for the client.
    Event(MonitorEvent),
    /// The incoming migration has failed with this reason, and the program ends because of it.
    IncomingFailed(String),
}

/// The sending end, which wakes the thread of the monitor.
#[derive(Debug, Clone)]
pub(super) struct Notifier {
    sender: Sender<Notice>,
    wake: Arc<UnixStream>,
}

impl Notifier {
    pub(super) fn send(&self, notice: Notice) {
        // Nothing receives after the end of the monitor, and a full buffer wakes it, too.
        let _ = self.sender.send(notice);
        let _ = (&*self.wake).write(&[0]);
    }
}

/// The receiving end.
#[derive(Debug)]
pub(super) struct Inbox {
    receiver: Receiver<Notice>,
    wake: UnixStream,
}

impl Inbox {
    pub(super) fn new() -> io::Result<(Notifier, Self)> {
        let (near, far) = UnixStream::pair()?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        let (sender, receiver) = mpsc::channel();
        Ok((Notifier { sender, wake: Arc::new(far) }, Self { receiver, wake: near }))
    }

    /// Returns the next notice, if one has arrived.
    pub(super) fn next(&mut self) -> Option<Notice> {
        let mut buffer = [0; 64];
        // Before the look at the messages, so that no message arrives unnoticed between the two.
        while matches!(self.wake.read(&mut buffer), Ok(1..)) {}
        self.receiver.try_recv().ok()
    }

    /// Returns the descriptor that becomes readable with a notice.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
