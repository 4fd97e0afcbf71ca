//! Live migration: moves a machine to another process while its guest runs, with QEMU's protocol.
//!
//! [`policy`] decides about the passes over memory and the switchover.
//!
//! Tables hold the facts about QEMU's releases: [`Capability`], [`Parameters`], and the transitions between
//! [states](MigrationStatus). [`Uri`] is the address of a migration.
//! (QEMU: `migration/migration.c`, `migration/options.c`.)

mod capability;
#[cfg(feature = "control")]
pub mod control;
mod parameter;
pub mod policy;
mod release;
mod status;
mod uri;

pub use capability::{Capabilities, Capability, CapabilityConflict};
pub use parameter::{
    Compression, InvalidParameter, Mode, OnDoubt, OnStall, Parameter, ParameterValue, Parameters, Policy, Unit,
    ZeroPages,
};
pub use release::QemuRelease;
pub use status::{DowntimeParts, Event, MigrationStatus, Prediction, RamStatistics, Side, Statistics, is_transition};
pub use uri::{InvalidUri, TcpAddress, Uri};
