//! Shapes of state as data: the JSON description that ends a stream, and whether two sides understand each other.

pub mod compare;
mod describe;
pub mod shape;
pub mod vmdesc;

pub(crate) use describe::describe_configuration;
pub use describe::{Described, DescriptionWriter, Release};
