//! Live migration: moves a machine to another process while its guest runs, with QEMU's protocol.
//!
//! [`source::Source`] and [`destination::Destination`] are engines without I/O, threads and clocks: a driver carries their
//! actions out. [`policy`] decides about the passes over memory and the switchover. Memory is sent and loaded by the section
//! `ram` of the machine, so it never passes through the engines.
//!
//! Between two peers that use this library, the right to run the guest is handed over with a handshake, so that at no time
//! two guests run, and none is lost: see [`source`]. With a QEMU as the peer, the engines do their side's part.
//!
//! Tables hold the facts about QEMU's releases: [`Capability`], [`Parameters`], and the transitions between
//! [states](MigrationStatus). [`Uri`] is the address of a migration.
//! (QEMU: `migration/migration.c`, `migration/options.c`.)

mod announce;
mod blockers;
mod capability;
#[cfg(feature = "control")]
pub mod control;
#[cfg(all(unix, feature = "schema"))]
pub mod conversation;
#[cfg(target_os = "linux")]
mod descriptors;
pub mod destination;
#[cfg(unix)]
mod drive;
#[cfg(test)]
mod model;
mod parameter;
mod peer;
pub mod policy;
mod protocol;
#[cfg(all(unix, feature = "schema"))]
pub mod relay;
mod release;
pub mod source;
mod states;
mod status;
#[cfg(all(unix, feature = "tls"))]
mod tls;
mod uri;

pub use announce::Announcement;
pub use blockers::{BlockedReason, Blockers, OnlyMigratable};
pub use capability::{Capabilities, Capability, CapabilityConflict};
#[cfg(target_os = "linux")]
pub use drive::HandedOver;
#[cfg(unix)]
pub use drive::{
    DirtyLimiter, Events, GuestProgress, Host, HostError, HostMemory, Incoming, IncomingControl, Kept, MigrationError,
    OpaqueGuest, Outgoing, OutgoingControl, StoppedGuest,
};
#[cfg(all(unix, feature = "schema"))]
pub use drive::{Recording, RelayOutcome, RelayStatus, Relaying};
pub use parameter::{
    BitmapAlias, BitmapTransform, Compression, InvalidParameter, Mode, NodeAlias, OnDoubt, OnStall, Parameter,
    ParameterValue, Parameters, Policy, Unit, ZeroPages,
};
pub use peer::MachineSwitches;
pub use release::QemuRelease;
pub use status::{
    Blocktime, DirtyLimitStatistics, DowntimeParts, Event, FaultLatency, MigrationStatus, Prediction, RamStatistics,
    Side, Statistics, ThreadWaits, XbzrleStatistics, is_transition,
};
#[cfg(all(unix, feature = "tls"))]
pub use tls::{AccessList, Objects, TlsCredentials, TlsEndpoint, TlsError};
#[cfg(feature = "schema")]
pub use uri::Channels;
pub use uri::{InvalidUri, TcpAddress, Uri};
