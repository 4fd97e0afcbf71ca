//! Control by a management layer: the commands, replies and events of QEMU's monitor protocol (QMP).
//!
//! [`Monitor`] is the protocol of one connection, without sockets: it turns bytes into [commands](MonitorCommand), and
//! replies and events into bytes. [`execute`] answers the commands about capabilities, parameters and statistics from
//! [`Settings`], and passes all others to the program's [`Operations`]. [`Server`] connects both to a socket.
//! [`Controller`] implements the operations for a [`Host`](super::Host): it is all that most programs need.
//!
//! Access to the socket means control over the host: `exec:` runs programs, `file:` writes files, and `object-add` reads
//! certificates in any folder. A program rejects such addresses in [`Operations::migrate`] unless it wants them.
//! (QEMU: `monitor/qmp.c`, `qapi/qmp-dispatch.c`.)

mod arguments;
mod command;
#[cfg(unix)]
mod controller;
mod error;
mod event;
mod execute;
mod job;
mod mapping;
mod monitor;
#[cfg(feature = "tls")]
mod objects;
mod operations;
mod reply;
mod request;
mod scanner;
mod schema;
#[cfg(unix)]
mod server;
mod settings;
#[cfg(test)]
mod tests;

pub use command::MonitorCommand;
#[cfg(unix)]
pub use controller::{Controller, Ended};
pub use error::{CommandError, ErrorClass};
pub use event::MonitorEvent;
pub use execute::execute;
pub use job::{JobInfo, JobStatus, SnapshotAction, SnapshotRequest};
pub use monitor::{Monitor, Request, RequestId};
#[cfg(feature = "tls")]
pub use objects::ObjectRequest;
pub use operations::{DirtyRate, DirtyRateStatus, Operations, RunState};
pub use request::{DirtyRateMode, DirtyRateRequest};
#[cfg(unix)]
pub use server::Server;
pub use settings::Settings;
