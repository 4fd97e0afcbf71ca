//! The state of a virtqueue of the crate [`virtio-queue`](::virtio_queue) 0.18 (feature `virtio-queue`).
//!
//! A `Queue` has private fields: take its `state()` in `pre_save`. `Queue::try_from` makes a new one in `post_load`, and
//! checks what was loaded; its error becomes the load's.
//!
//! ```
//! use virtio_queue::{Queue, QueueState, QueueT};
//! use vmstate::adapters::virtio_queue::VirtQueue;
//! use vmstate::info::array::Each;
//! use vmstate::prelude::*;
//!
//! #[derive(VmState)]
//! #[vmstate(name = "console", pre_save = Self::take_states, post_load = Self::make_queues)]
//! struct Console {
//!     #[vmstate(with = Each<VirtQueue>)]
//!     states: [QueueState; 2],
//!     #[vmstate(skip = "made of their states")]
//!     queues: [Queue; 2],
//! }
//!
//! impl Console {
//!     fn take_states(&mut self) {
//!         self.states = [self.queues[0].state(), self.queues[1].state()];
//!     }
//!
//!     fn make_queues(&mut self) -> Result<(), virtio_queue::Error> {
//!         self.queues = [self.states[0].try_into()?, self.states[1].try_into()?];
//!         Ok(())
//!     }
//! }
//!
//! fn console() -> Result<Console, virtio_queue::Error> {
//!     Ok(Console { states: Default::default(), queues: [Queue::new(256)?, Queue::new(256)?] })
//! }
//!
//! let mut console_of_a_guest = console()?;
//! console_of_a_guest.queues[1].set_ready(true);
//! console_of_a_guest.queues[1].set_next_avail(7);
//! let mut writer = Writer::new();
//! console_of_a_guest.save(&mut writer)?;
//!
//! let mut other = console()?;
//! other.load(&mut Reader::from_slice(writer.pending()), 1)?;
//! assert_eq!((other.queues[1].ready(), other.queues[1].next_avail()), (true, 7));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This is no section of QEMU's: QEMU sends the queues of a device among the rest of the device, in an order that goes
//! back to before there were descriptions.

use vmstate_derive::VmState;

/// All of a `QueueState`: what `#[vmstate(with = VirtQueue)]` names.
#[derive(VmState, Debug)]
#[vmstate(name = "virtio-queue", remote = virtio_queue::QueueState, crate = crate)]
pub struct VirtQueue {
    max_size: u16,
    next_avail: u16,
    next_used: u16,
    event_idx_enabled: bool,
    size: u16,
    ready: bool,
    desc_table: u64,
    avail_ring: u64,
    used_ring: u64,
}
