//! Migrations between two programs with monitors, over each transport.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::{Value, json};

use crate::board::BoardProcess;
use crate::qemu::Qemu;

/// A program with a monitor: a QEMU or a board.
pub trait Program {
    /// Executes a command.
    ///
    /// # Panics
    /// If it fails.
    fn execute(&mut self, command: &str, arguments: Value) -> Value;

    /// Passes a descriptor with the command `getfd`.
    ///
    /// # Panics
    /// If it fails.
    fn pass(&mut self, name: &str, descriptor: BorrowedFd<'_>);

    /// Waits until a migration, in or out, is complete.
    ///
    /// # Panics
    /// If it fails.
    fn wait_until_complete(&mut self);
}

impl Program for BoardProcess {
    fn execute(&mut self, command: &str, arguments: Value) -> Value {
        Self::execute(self, command, arguments)
    }

    fn pass(&mut self, name: &str, descriptor: BorrowedFd<'_>) {
        send_with_descriptor(self.monitor(), name, descriptor);
        self.reply().expect("the descriptor is accepted");
    }

    fn wait_until_complete(&mut self) {
        self.wait_for(&["completed"]);
    }
}

impl Program for Qemu {
    fn execute(&mut self, command: &str, arguments: Value) -> Value {
        Self::execute(self, command, arguments)
    }

    fn pass(&mut self, name: &str, descriptor: BorrowedFd<'_>) {
        send_with_descriptor(self.connection(), name, descriptor);
        self.reply("getfd").expect("the descriptor is accepted");
    }

    fn wait_until_complete(&mut self) {
        self.wait_for_migration();
    }
}

fn send_with_descriptor(monitor: &UnixStream, name: &str, descriptor: BorrowedFd<'_>) {
    let command = json!({ "execute": "getfd", "arguments": { "fdname": name } }).to_string();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor];
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
    sendmsg(monitor, &[IoSlice::new(command.as_bytes())], &mut ancillary, SendFlags::empty()).expect("it is sent");
}

/// A transport of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// `tcp:`
    Tcp,
    /// `unix:`
    Unix,
    /// `file:`, first written and then read.
    File,
    /// `exec:`, with programs that write and read a file.
    Exec,
    /// `fd:`, the ends of a pipe, which are passed to both sides.
    Fd,
}

impl Transport {
    /// All transports.
    pub const ALL: [Self; 5] = [Self::Tcp, Self::Unix, Self::File, Self::Exec, Self::Fd];

    /// Moves the guest from `source` to `destination`, which was started with `-incoming defer`.
    ///
    /// # Panics
    /// If a side fails.
    pub fn migrate(self, source: &mut dyn Program, destination: &mut dyn Program, folder: &Path) {
        let path = folder.join(format!("{self:?}")).display().to_string();
        match self {
            Self::Tcp => connect(source, destination, &format!("tcp:127.0.0.1:{}", free_port())),
            Self::Unix => connect(source, destination, &format!("unix:{path}")),
            Self::Fd => {
                let (reader, writer) = std::io::pipe().expect("a pipe");
                destination.pass("guest", reader.as_fd());
                source.pass("guest", writer.as_fd());
                drop((reader, writer));
                connect(source, destination, "fd:guest");
            }
            Self::File => store(source, destination, [&format!("file:{path}"), &format!("file:{path}")]),
            Self::Exec => store(source, destination, [&format!("exec:cat >{path}"), &format!("exec:cat {path}")]),
        }
    }
}

fn connect(source: &mut dyn Program, destination: &mut dyn Program, uri: &str) {
    destination.execute("migrate-incoming", json!({ "uri": uri }));
    source.execute("migrate", json!({ "uri": uri }));
    source.wait_until_complete();
    destination.wait_until_complete();
}

fn store(source: &mut dyn Program, destination: &mut dyn Program, [to, from]: [&str; 2]) {
    source.execute("migrate", json!({ "uri": to }));
    source.wait_until_complete();
    destination.execute("migrate-incoming", json!({ "uri": from }));
    destination.wait_until_complete();
}

/// Returns a port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
