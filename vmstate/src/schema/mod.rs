//! Shapes of state as text: the JSON description that ends a stream.

mod describe;
pub mod vmdesc;

pub(crate) use describe::describe_configuration;
pub use describe::{DescriptionWriter, Release};
