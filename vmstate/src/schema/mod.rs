//! Shapes of state as text: the JSON description that ends a stream.

mod describe;
pub mod vmdesc;

pub use describe::{DescriptionWriter, Release};
