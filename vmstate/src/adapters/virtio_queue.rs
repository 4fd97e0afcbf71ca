//! The state of a virtqueue of [`virtio-queue`](::virtio_queue) 0.16 to 0.18 (feature `virtio-queue`).
//!
//! The fields of `Queue` are private. Copy its `state()` in `pre_save`, and rebuild it with `Queue::try_from` in
//! `post_load`. `try_from` validates the state; the load fails with its error.
//!
//! ```
//! use virtio_queue::{Queue, QueueState, QueueT};
//! use vmstate::adapters::virtio_queue::VirtQueue;
//! use vmstate::info::array::Each;
//! use vmstate::prelude::*;
//!
//! #[derive(VmState)]
//! #[vmstate(name = "console", pre_save = Self::copy_states, post_load = Self::rebuild)]
//! struct Console {
//!     #[vmstate(with = Each<VirtQueue>)]
//!     states: [QueueState; 2],
//!     #[vmstate(skip = "rebuilt from their states")]
//!     queues: [Queue; 2],
//! }
//!
//! impl Console {
//!     fn copy_states(&mut self) {
//!         self.states = [self.queues[0].state(), self.queues[1].state()];
//!     }
//!
//!     fn rebuild(&mut self) -> Result<(), virtio_queue::Error> {
//!         self.queues = [self.states[0].try_into()?, self.states[1].try_into()?];
//!         Ok(())
//!     }
//! }
//!
//! fn console() -> Result<Console, virtio_queue::Error> {
//!     Ok(Console { states: Default::default(), queues: [Queue::new(256)?, Queue::new(256)?] })
//! }
//!
//! let mut source = console()?;
//! source.queues[1].set_ready(true);
//! source.queues[1].set_next_avail(7);
//! let mut writer = Writer::new();
//! source.save(&mut writer)?;
//!
//! let mut destination = console()?;
//! destination.load(&mut Reader::from_slice(writer.pending()), 1)?;
//! assert_eq!((destination.queues[1].ready(), destination.queues[1].next_avail()), (true, 7));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The bytes are not QEMU's. QEMU sends the queues within the device, in a format older than descriptions:
//! `virtio_save` in hw/virtio/virtio.c.

use vmstate_derive::VmState;

/// The complete `QueueState`, for `#[vmstate(with = VirtQueue)]`.
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
