//! The imports between modules, derived from the sources, and the rules that they follow: no module imports from a
//! layer above its own, and no sibling modules import each other in a circle.
//!
//! An import is a `use` declaration or a path in the code, as resolved through re-exports. Code under `#[cfg(test)]`,
//! documentation, and methods that are called without a path do not count.

mod cycles;
mod modules;
mod paths;
mod resolve;
mod sources;
mod table;

pub use cycles::{Cycle, cycles};
pub use modules::{Crate, Modules};
pub use resolve::{Import, imports};
pub use sources::Sources;
pub use table::{Table, Violation};
