//! Virtqueues of `virtio-queue`.

#![cfg(target_pointer_width = "64")]

use virtio_queue::{Queue, QueueState, QueueT};
use vmstate::adapters::virtio_queue::VirtQueue;
use vmstate::prelude::*;

#[derive(VmState, Default)]
#[vmstate(name = "device")]
struct Device {
    #[vmstate(with = VirtQueue)]
    queue: QueueState,
}

vmstate::laws!(laws: Device);

#[test]
fn all_of_the_state_is_sent() {
    let mut queue = Queue::new(256).unwrap();
    queue.set_size(64);
    queue.set_desc_table_address(Some(0x1_0000), Some(0x2));
    queue.set_avail_ring_address(Some(0x2_0000), None);
    queue.set_used_ring_address(Some(0x3_0000), None);
    queue.set_next_avail(7);
    queue.set_next_used(5);
    queue.set_event_idx(true);
    queue.set_ready(true);
    let mut writer = Writer::new();
    Device { queue: queue.state() }.save(&mut writer).unwrap();
    let expected = b"\x01\0\0\x07\0\x05\x01\0\x40\x01\
                     \0\0\0\x02\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0";
    assert_eq!(writer.pending(), expected);

    let mut loaded = Device::default();
    loaded.load(&mut Reader::from_slice(writer.pending()), 1).unwrap();
    assert_eq!(Queue::try_from(loaded.queue).unwrap(), queue);
}
