//! A board compatible with QEMU's RISC-V machine `virt`, with one hart in machine mode.
//!
//! ```
//! use vmstate_examples::virt::{Board, Finish, Stop};
//!
//! // li t0, 0x100000; li t1, 0x5555; sw t1, 0(t0): the program ends the run.
//! let program = [0x0010_02b7_u32, 0x0000_5337, 0x5553_0313, 0x0062_a023];
//! let image: Vec<u8> = program.iter().flat_map(|instruction| instruction.to_le_bytes()).collect();
//!
//! let mut board = Board::new(64 * 1024);
//! board.load_image(&image)?;
//! assert_eq!(board.run_until(1_000_000), Stop::Finished(Finish::Pass));
//! # Ok::<(), vmstate_examples::virt::TooLarge>(())
//! ```
//!
//! [`Board`] runs the [`cpu`] with the memory and devices on its [`bus`], at the addresses of [`map`], in the time of
//! [`clock`]. [`migration`] saves and loads it as a stream, also in a store of snapshots. A [`Vcpu`] runs it on a thread, and a
//! [`BoardHost`] migrates it while it runs.

mod board;
pub mod bus;
pub mod clint;
pub mod clock;
pub mod cpu;
mod fifo;
pub mod finisher;
pub mod fw_cfg;
mod host;
pub mod map;
pub mod memory;
pub mod migration;
#[cfg(target_os = "linux")]
mod origin;
mod pace;
pub mod plic;
mod rewind;
mod rtc;
mod snapshot;
pub mod uart;
mod vcpu;
mod write_limit;

pub use board::{Board, Stop, TooLarge};
pub use cpu::Unsupported;
pub use finisher::Finish;
pub use host::{BoardHost, PageLog};
#[cfg(target_os = "linux")]
pub use origin::Origin;
pub use rewind::BoardRewind;
pub use vcpu::{Progress, Vcpu};
