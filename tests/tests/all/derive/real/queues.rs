//! Pointers that each follow a marker: the queues of an NVMe controller, which QEMU migrates since 11.1.

use std::collections::VecDeque;

use vmstate::prelude::*;
use vmstate::schema::Release;

use super::{described, loaded, read, save};

/// The two arrays of pointers in the middle of QEMU's struct.
#[derive(VmState, Clone, Debug, PartialEq)]
#[vmstate(name = "nvme")]
struct Queues {
    #[vmstate(pointer(alloc))]
    sq: [Option<Box<SubmissionQueue>>; QUEUES],
    #[vmstate(pointer(alloc))]
    cq: [Option<Box<CompletionQueue>>; QUEUES],
}

#[derive(VmState, Clone, Default, Debug, PartialEq)]
#[vmstate(name = "nvme-sq")]
struct SubmissionQueue {
    sqid: u16,
    cqid: u16,
    head: u32,
    tail: u32,
    size: u32,
    dma_addr: u64,
}

#[derive(VmState, Clone, Default, Debug, PartialEq)]
#[vmstate(name = "nvme-cq")]
struct CompletionQueue {
    phase: u8,
    cqid: u16,
    irq_enabled: u16,
    head: u32,
    tail: u32,
    vector: u32,
    size: u32,
    dma_addr: u64,
    #[vmstate(list(max = 1024))]
    req_list: VecDeque<Request>,
}

/// None was sent.
#[derive(VmState, Clone, Default, Debug, PartialEq)]
#[vmstate(name = "nvme-request")]
struct Request {
    status: u16,
}

/// The number of queues of each kind.
const QUEUES: usize = 65;
/// The size of the fields after the queues.
const AFTER: usize = 545;
/// The size of the queues: a marker for each, and two submission and two completion queues.
const SIZE: usize = 2 * QUEUES + 2 * 24 + 2 * 30;

#[test]
fn marked_pointers_of_nvme_queues() {
    let (payload, description) = read("qemu-11.1-nvme");
    let end = payload.len() - AFTER;
    let payload = &payload[end - SIZE..end];
    let (sq, cq) = (std::array::from_fn(|_| None), std::array::from_fn(|_| None));
    let mut queues = loaded(Queues { sq, cq }, payload);
    assert_eq!(save(&mut queues), payload);

    let text = described(&mut queues, Release::Qemu11_1);
    let fields = text.split_once("\"fields\": [").and_then(|(_, fields)| fields.strip_suffix(']')).unwrap();
    assert!(description.contains(fields), "{fields}");

    let submission: Vec<_> = queues.sq.iter().flatten().map(|queue| (queue.sqid, queue.cqid)).collect();
    let completion: Vec<_> = queues.cq.iter().flatten().map(|queue| (queue.cqid, queue.irq_enabled)).collect();
    assert_eq!((submission, completion.len()), (vec![(0, 0), (1, 1)], 2));
    assert!(queues.cq.iter().flatten().all(|queue| queue.dma_addr % 4096 == 0 && queue.size > 0));
}
