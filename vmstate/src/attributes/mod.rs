#![doc = include_str!("README.md")]

#[doc = include_str!("arrays.md")]
pub mod arrays {}
#[doc = include_str!("bytes.md")]
pub mod bytes {}
#[doc = include_str!("composed.md")]
pub mod composed {}
#[doc = include_str!("example.md")]
pub mod example {}
#[doc = include_str!("hooks.md")]
pub mod hooks {}
#[doc = include_str!("places.md")]
pub mod places {}
#[doc = include_str!("porting.md")]
pub mod porting {}
#[doc = include_str!("structs.md")]
pub mod structs {}
#[doc = include_str!("subsections.md")]
pub mod subsections {}
#[doc = include_str!("types.md")]
pub mod types {}
#[doc = include_str!("values.md")]
pub mod values {}
#[doc = include_str!("versions.md")]
pub mod versions {}
