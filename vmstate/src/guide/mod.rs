#![doc = include_str!("README.md")]

#[doc = include_str!("../../docs/check.md")]
pub mod check {}
#[doc = include_str!("cli.md")]
pub mod cli {}
#[doc = include_str!("comparison.md")]
pub mod comparison {}
#[doc = include_str!("concepts.md")]
pub mod concepts {}
#[doc = include_str!("console.md")]
pub mod console {}
#[doc = include_str!("diagnosis.md")]
pub mod diagnosis {}
#[doc = include_str!("../../docs/diff-json.md")]
pub mod diff_json {}
#[doc = include_str!("emulators.md")]
pub mod emulators {}
#[doc = include_str!("errors.md")]
pub mod errors {}
#[doc = include_str!("evolving.md")]
pub mod evolving {}
#[doc = include_str!("format.md")]
pub mod format {}
#[doc = include_str!("guarantees.md")]
pub mod guarantees {}
#[doc = include_str!("host.md")]
pub mod host {}
#[doc = include_str!("interrupted.md")]
pub mod interrupted {}
#[doc = include_str!("../../docs/json.md")]
pub mod json {}
#[doc = include_str!("limits.md")]
#[doc = include_str!("../../docs/limits.md")]
pub mod limits {}
#[doc = include_str!("memory.md")]
pub mod memory {}
#[doc = include_str!("migration.md")]
pub mod migration {}
#[doc = include_str!("peers.md")]
pub mod peers {}
#[doc = include_str!("porting.md")]
pub mod porting {}
#[doc = include_str!("qemu.md")]
pub mod qemu {}
#[doc = include_str!("releases.md")]
pub mod releases {}
#[doc = include_str!("../../docs/schema.md")]
pub mod schema {}
#[doc = include_str!("snapshots.md")]
pub mod snapshots {}
#[doc = include_str!("speed.md")]
pub mod speed {}
#[doc = include_str!("testing.md")]
pub mod testing {}
#[doc = include_str!("transfer.md")]
pub mod transfer {}
#[doc = include_str!("walkthrough.md")]
pub mod walkthrough {}
