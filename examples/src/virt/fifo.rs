//! The queues of the serial port.

use crate::devices::serial::Fifo8;

impl<const CAPACITY: usize> Fifo8<CAPACITY> {
    /// Appends a byte. Returns false if the queue is full.
    pub(super) fn push(&mut self, byte: u8) -> bool {
        let queued = self.num as usize;
        if queued >= CAPACITY {
            return false;
        }
        self.data[(self.head as usize + queued) % CAPACITY] = byte;
        self.num += 1;
        true
    }

    /// Removes the first byte.
    pub(super) fn pop(&mut self) -> Option<u8> {
        self.num = self.num.checked_sub(1)?;
        let head = self.head as usize % CAPACITY;
        self.head = ((head + 1) % CAPACITY) as u32;
        self.data.get(head).copied()
    }
}
