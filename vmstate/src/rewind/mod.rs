//! Rewinding and run-ahead for emulators: recent states of one device in a fixed amount of memory.
//!
//! [`Rewind`] keeps a state for each frame and restores them, newest first. [`RunAhead`] hides the frames between an input and
//! its effect. Both save the device into memory that they reuse, so that a frame allocates nothing once the sizes of the
//! states have settled.
//!
//! ```
//! use vmstate::prelude::*;
//! use vmstate::rewind::Rewind;
//!
//! #[derive(VmState, Default)]
//! struct Console {
//!     frame: u32,
//!     ram: [u8; 32],
//! }
//!
//! let mut console = Console::default();
//! let mut rewind = Rewind::new(1024);
//! for frame in 0..10 {
//!     rewind.push(&mut console)?;
//!     console.frame += 1;
//!     console.ram[frame % 32] = 0xff;
//! }
//!
//! // The player holds the rewind button for three frames.
//! for _ in 0..3 {
//!     assert!(rewind.pop(&mut console)?);
//! }
//! assert_eq!((console.frame, console.ram[6], console.ram[7]), (7, 0xff, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod difference;
mod history;
mod ring;
mod run_ahead;

pub use history::Rewind;
pub use run_ahead::{Frame, RunAhead, RunAheadError};
