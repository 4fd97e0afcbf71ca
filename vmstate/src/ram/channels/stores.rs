//! Blocks of memory whose pages several threads load.

use vmstate_types::{LoadError, Reader};

use super::load::SharedLoad;
use crate::memory::{DirtyBitmap, RamBlock};
use crate::ram::load::{PageAddress, PageStore};
use crate::ram::record::BlockHeader;

/// Blocks whose pages arrive over several channels.
pub(in crate::ram) struct WithChannels<'c, B> {
    pub(in crate::ram) channels: &'c SharedLoad,
    pub(in crate::ram) blocks: &'c mut [B],
}

impl<B: RamBlock> PageStore<B> for WithChannels<'_, B> {
    fn blocks(&self) -> &[B] {
        self.blocks
    }

    /// The main channel has no such pages, but QEMU accepts them.
    fn receive(&mut self, address: PageAddress, reader: &mut Reader<'_>, page: &mut [u8]) -> Result<(), LoadError> {
        reader.fill(page)?;
        self.channels.with_undo(|undo, blocks| undo.save(blocks, address))?;
        let block = self.blocks.get(address.block);
        block.map_or(Ok(()), |block| Ok(block.write(address.offset, page)?))
    }

    fn fill(&mut self, address: PageAddress, fill: u8, _: &mut [u8]) -> Result<(), LoadError> {
        self.channels.fill(address, fill)
    }

    fn patch(&mut self, address: PageAddress, delta: &[u8]) -> Result<(), LoadError> {
        self.channels.patch(address, delta)
    }

    fn has_channels(&self) -> bool {
        true
    }

    fn synchronize(&mut self) -> Result<(), LoadError> {
        self.channels.synchronize()
    }
}

/// Blocks whose pages several threads read from their places in a file.
pub(in crate::ram) struct FromFile<'c, B> {
    pub(in crate::ram) channels: &'c SharedLoad,
    pub(in crate::ram) blocks: &'c mut [B],
}

/// The stream of such a file has no pages. Other files may have some, which follow the pages with places.
impl<B: RamBlock> PageStore<B> for FromFile<'_, B> {
    fn blocks(&self) -> &[B] {
        self.blocks
    }

    fn receive(&mut self, address: PageAddress, reader: &mut Reader<'_>, page: &mut [u8]) -> Result<(), LoadError> {
        let Self { channels, blocks } = self;
        channels.await_places()?;
        WithChannels { channels, blocks }.receive(address, reader, page)
    }

    fn fill(&mut self, address: PageAddress, fill: u8, _: &mut [u8]) -> Result<(), LoadError> {
        self.channels.await_places()?;
        self.channels.fill(address, fill)
    }

    fn patch(&mut self, address: PageAddress, delta: &[u8]) -> Result<(), LoadError> {
        self.channels.await_places()?;
        self.channels.patch(address, delta)
    }

    fn leave_in_file(
        &mut self,
        block: usize,
        header: &BlockHeader,
        present: DirtyBitmap,
    ) -> Result<Option<DirtyBitmap>, LoadError> {
        let Some(mapped) = &header.mapped else { return Ok(Some(present)) };
        let mut next = 0;
        for run in present.runs() {
            self.channels.zero_run(block, next..run.start)?;
            next = run.end;
        }
        self.channels.zero_run(block, next..present.pages())?;
        self.channels.read_places(block, mapped.pages, present);
        Ok(None)
    }

    fn end_section(&mut self) -> Result<(), LoadError> {
        self.channels.await_places()
    }
}

#[cfg(all(test, unix, feature = "migration"))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::memory::{PageSize, VecBlock};
    use crate::ram::channels::Connections;
    use crate::ram::undo_log::UndoLog;

    type Block = Arc<dyn RamBlock + Send + Sync>;

    struct NoConnections;

    impl Connections for NoConnections {
        fn interrupt_main(&self) {}

        fn close_data(&self) {}
    }

    const FIRST: PageAddress = PageAddress { block: 0, offset: 4096 };
    const SECOND: PageAddress = PageAddress { block: 0, offset: 8192 };

    /// A load over `channels` into a block of three pages, whose bytes are all 1.
    fn shared(channels: usize, timeout: Duration) -> (SharedLoad, [Block; 1]) {
        let block: Block = Arc::new(VecBlock::new("ram", vec![1; 3 * 4096]));
        let blocks = vec![Arc::clone(&block)];
        let load = SharedLoad::new(PageSize::DEFAULT, Some(blocks), channels, Box::new(NoConnections), timeout);
        (load, [block])
    }

    /// Returns the first two bytes of each page.
    fn content(blocks: &[Block; 1]) -> [[u8; 2]; 3] {
        std::array::from_fn(|page| {
            let mut bytes = [0; 2];
            blocks[0].read(page as u64 * 4096, &mut bytes).unwrap();
            bytes
        })
    }

    /// Loads a page with its changes, and fills another one.
    fn load_all(store: &mut impl PageStore<Block>) -> Result<(), LoadError> {
        store.receive(FIRST, &mut Reader::from_slice(&[7; 4096]), &mut [0; 4096])?;
        store.patch(FIRST, &[1, 1, 9])?;
        store.fill(SECOND, 0, &mut [0; 4096])
    }

    #[test]
    fn pages_of_the_main_channel_load_and_roll_back() {
        let (channels, mut blocks) = shared(0, Duration::from_secs(60));
        load_all(&mut WithChannels { channels: &channels, blocks: &mut blocks }).unwrap();
        assert_eq!(content(&blocks), [[1, 1], [7, 9], [0, 0]]);

        let (channels, mut blocks) = shared(0, Duration::from_secs(60));
        channels.set_undo(Some(UndoLog::new(&blocks, PageSize::DEFAULT)));
        let mut store = WithChannels { channels: &channels, blocks: &mut blocks };
        assert!(store.has_channels());
        load_all(&mut store).unwrap();
        assert_eq!(content(&blocks), [[1, 1], [7, 9], [1, 1]], "the fill waits for the end of the load");
        channels.with_undo(UndoLog::apply_deferred).unwrap();
        assert_eq!(content(&blocks), [[1, 1], [7, 9], [0, 0]]);
        channels.with_undo(UndoLog::roll_back).unwrap();
        assert_eq!(content(&blocks), [[1, 1]; 3]);
    }

    #[test]
    fn pages_of_the_stream_wait_for_pages_with_places() {
        let (channels, mut blocks) = shared(1, Duration::from_millis(20));
        load_all(&mut FromFile { channels: &channels, blocks: &mut blocks }).unwrap();
        assert_eq!(content(&blocks), [[1, 1], [7, 9], [0, 0]]);

        channels.read_places(0, 0, DirtyBitmap::full(3));
        let mut store = FromFile { channels: &channels, blocks: &mut blocks };
        let errors = [
            store.receive(SECOND, &mut Reader::from_slice(&[8; 4096]), &mut [0; 4096]),
            store.patch(FIRST, &[1, 1, 5]),
            store.fill(FIRST, 0, &mut [0; 4096]),
            store.end_section(),
        ];
        for error in errors {
            let error = error.unwrap_err();
            assert_eq!((error.expected(), error.found()), ("pages at their places", "none in 20ms"));
        }
        assert_eq!(content(&blocks), [[1, 1], [7, 9], [0, 0]]);
    }

    #[test]
    fn channels_have_a_time_limit_to_synchronize() {
        let (channels, mut blocks) = shared(1, Duration::from_millis(20));
        let error = WithChannels { channels: &channels, blocks: &mut blocks }.synchronize().unwrap_err();
        assert_eq!(error.found(), "0 of 1 after 20ms");
    }

    #[test]
    fn waiting_section_reports_the_end_of_a_channel() {
        let (channels, _) = shared(1, Duration::from_secs(60));
        let error = std::thread::scope(|scope| {
            let section = scope.spawn(|| channels.synchronize());
            // It is likely to wait now.
            std::thread::sleep(Duration::from_millis(20));
            channels.leave(None);
            section.join().unwrap().unwrap_err()
        });
        assert_eq!(error.found(), "the end of a data channel");
    }

    /// Counts the interrupts.
    struct Interrupts(Arc<AtomicUsize>);

    impl Connections for Interrupts {
        fn interrupt_main(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn close_data(&self) {}
    }

    #[test]
    fn first_failure_of_a_channel_is_kept() {
        let (count, timeout) = (Arc::new(AtomicUsize::new(0)), Duration::from_secs(60));
        let connections = Box::new(Interrupts(Arc::clone(&count)));
        let load = SharedLoad::new(PageSize::DEFAULT, Some(Vec::new()), 3, connections, timeout);
        let leave = |error: Option<&str>| {
            load.leave(error.map(str::to_owned));
            (load.error(), count.load(Ordering::Relaxed))
        };
        assert_eq!(leave(None), (None, 0));
        assert_eq!(leave(Some("first")), (Some("first".to_owned()), 1));
        assert_eq!(leave(Some("second")), (Some("first".to_owned()), 2));
        load.stop();
        assert_eq!(leave(Some("late")), (Some("first".to_owned()), 2));
    }

    #[test]
    fn channels_reject_offsets_outside_of_the_block() {
        let (channels, blocks) = shared(0, Duration::from_secs(60));
        channels.synchronize().unwrap();
        channels.prepare("ram", [0, 8192].into_iter()).unwrap();
        for offset in [100, 3 * 4096, u64::MAX - 4095] {
            let errors =
                [channels.prepare("ram", [offset].into_iter()).map(drop), channels.zero("ram", [offset].into_iter())];
            for error in errors {
                let error = error.unwrap_err();
                assert_eq!(error.expected(), "the offset of a page in a block of 0x3000 bytes");
                assert_eq!(error.found(), format!("{offset:#x}"));
            }
        }
        assert_eq!(content(&blocks), [[1, 1]; 3]);
    }
}
