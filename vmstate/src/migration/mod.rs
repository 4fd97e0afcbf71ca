//! Live migration: moves a machine to another process while its guest runs, with QEMU's protocol.
//!
//! [`Uri`] is the address of a migration.
//! (QEMU: `migration/migration.c`, `migration/options.c`.)

mod uri;

pub use uri::{InvalidUri, TcpAddress, Uri};
