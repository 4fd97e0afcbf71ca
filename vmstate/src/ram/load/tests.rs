//! Payloads that are malformed, and synchronization points.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::memory::{MemoryError, VecBlock};
use crate::ram::channels::{Connections, SharedLoad, WithChannels};
use crate::ram::testing::payload;

/// A loader of the blocks `other` and `a` with a page each, whose bytes are 1.
fn listed() -> (RamLoader, [VecBlock; 2]) {
    let mut blocks = ["other", "a"].map(|name| VecBlock::new(name, vec![1; 4096]));
    let mut loader = RamLoader::new(PageSize::DEFAULT);
    let block = |name: &str| (Record::Block(BlockHeader::new(name, 4096)), &[][..]);
    let list = payload(&[(Record::BlockList(8192), &[]), block("other"), block("a")]);
    loader.load(&mut blocks, &mut Reader::from_slice(&list)).unwrap();
    (loader, blocks)
}

#[test]
fn malformed_changes_leave_the_page() {
    let (mut loader, mut blocks) = listed();
    let record = Record::Xbzrle { offset: 0, same_block: false, length: 6 };
    // The second change follows the first one without a gap.
    let changes = payload(&[(record, &[0, 1, 7, 0, 1, 7])]);
    let error = loader.load(&mut blocks, &mut Reader::from_slice(&changes)).unwrap_err();
    assert_eq!(error.expected(), "unchanged bytes between two changes");
    assert_eq!(blocks[1].bytes(), [1; 4096]);
}

#[test]
fn all_sections_need_the_same_blocks() {
    let (mut loader, mut blocks) = listed();
    let zero = payload(&[(Record::Zero { offset: 0, same_block: false, fill: 0 }, &[])]);
    let error = loader.load(&mut blocks[..1], &mut Reader::from_slice(&zero)).unwrap_err();
    assert_eq!((error.expected(), error.found()), ("the same blocks for all sections", "fewer blocks"));
}

#[test]
fn synchronization_points_need_channels() {
    let (mut loader, mut blocks) = listed();
    let flush = payload(&[(Record::MultifdFlush, &[])]);
    let error = loader.load(&mut blocks, &mut Reader::from_slice(&flush)).unwrap_err();
    assert_eq!(error.found(), "MULTIFD_FLUSH");
}

/// Memory that only the guest can read.
struct Unreadable(VecBlock);

impl RamBlock for Unreadable {
    fn idstr(&self) -> &str {
        self.0.idstr()
    }

    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read(&self, _: u64, _: &mut [u8]) -> Result<(), MemoryError> {
        Err(MemoryError::custom("the memory cannot be read"))
    }

    fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError> {
        self.0.write(offset, from)
    }
}

#[test]
fn pages_that_cannot_be_read_are_filled() {
    let mut blocks = [Unreadable(VecBlock::new("a", vec![1; 4096]))];
    let list = payload(&[(Record::BlockList(4096), &[]), (Record::Block(BlockHeader::new("a", 4096)), &[])]);
    let fill = payload(&[(Record::Zero { offset: 0, same_block: false, fill: 0 }, &[])]);
    let mut loader = RamLoader::new(PageSize::DEFAULT);
    for bytes in [list, fill] {
        loader.load(&mut blocks, &mut Reader::from_slice(&bytes)).unwrap();
    }
    assert_eq!(blocks[0].0.bytes(), [0; 4096]);
}

struct NoConnections;

impl Connections for NoConnections {
    fn interrupt_main(&self) {}

    fn close_data(&self) {}
}

/// Loads a payload while `arrivals` synchronization points arrive on the only channel. Returns whether the section has
/// waited for exactly so many.
fn synchronizes(loader: &mut RamLoader, payload: &[u8], arrivals: u32) -> bool {
    let mut blocks: Vec<Arc<dyn RamBlock + Send + Sync>> = Vec::new();
    blocks.extend(["other", "a"].map(|name| Arc::new(VecBlock::new(name, vec![1; 4096])) as _));
    let timeout = Duration::from_secs(if arrivals == 0 { 0 } else { 60 });
    let channels = SharedLoad::new(PageSize::DEFAULT, Some(blocks.clone()), 1, Box::new(NoConnections), timeout);
    thread::scope(|scope| {
        let channel = scope.spawn(|| (0..arrivals).all(|_| channels.arrive()));
        let mut store = WithChannels { channels: &channels, blocks: &mut blocks };
        let loaded = loader.load_into(&mut store, &mut Reader::from_slice(payload));
        channels.leave(Some("the section has ended".to_owned()));
        channel.join().unwrap() && loaded.is_ok()
    })
}

#[test]
fn sections_synchronize_unless_the_stream_does() {
    let (flush, end) = (payload(&[(Record::MultifdFlush, &[])]), payload(&[]));
    let mut loader = RamLoader::new(PageSize::DEFAULT);
    assert!(synchronizes(&mut loader, &end, 1), "an old machine type");
    assert!(!synchronizes(&mut loader, &end, 0));
    let mut loader = RamLoader::new(PageSize::DEFAULT);
    assert!(synchronizes(&mut loader, &flush, 1));
    assert!(synchronizes(&mut loader, &end, 0), "the stream has another synchronization point");
}
