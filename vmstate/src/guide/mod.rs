#![doc = include_str!("README.md")]

#[doc = include_str!("../../docs/check.md")]
pub mod check {}
#[doc = include_str!("concepts.md")]
pub mod concepts {}
#[doc = include_str!("../../docs/diff-json.md")]
pub mod diff_json {}
#[doc = include_str!("errors.md")]
pub mod errors {}
#[doc = include_str!("evolving.md")]
pub mod evolving {}
#[doc = include_str!("../../docs/schema.md")]
pub mod schema {}
#[doc = include_str!("speed.md")]
pub mod speed {}
