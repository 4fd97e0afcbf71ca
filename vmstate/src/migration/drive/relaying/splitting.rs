//! A source with one connection, whose pages are sent over the data channels (multifd) of the destination.
//!
//! A thread for each channel compresses and sends its packets. The main connection gets a synchronization point after all
//! channels have one in their queue, and before any later packet, because the destination waits for both.

use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use super::super::channel::{Channel, Link};
use super::far_channel::{self, FarChannel, destination_failed};
use super::shared::{Lost, Shared};
use crate::memory::PageSize;
use crate::migration::Uri;
use crate::migration::parameter::Parameters;
use crate::migration::relay::{PageBatch, PageSplitter, SplitTask};
use crate::migration::release::QemuRelease;

/// The packets that wait for a channel. One of them is compressed or sent at the same time.
const QUEUE: usize = 1;

/// The data channels of the destination.
pub(super) struct Splitting {
    /// The number and the compression of the channels.
    pub(super) parameters: Parameters,
    pub(super) release: QemuRelease,
    pub(super) uuid: [u8; 16],
    pub(super) link: Link,
    pub(super) destination: Uri,
    pub(super) packets: AtomicU64,
}

/// A task of a channel: to send pages, or a synchronization point.
struct Job {
    page_size: PageSize,
    pages: Option<PageBatch>,
}

/// The stream of the source. Dropping it closes the data channels after everything was sent.
pub(super) struct Split<'s> {
    shared: &'s Shared,
    splitter: PageSplitter,
    channels: Vec<SyncSender<Job>>,
    /// The number of packets so far.
    next: usize,
}

impl Splitting {
    /// Connects the channels, after the main connection: QEMU before 8.0 expects that one first. Starts their threads.
    pub(super) fn start<'s>(&'s self, scope: &'s Scope<'s, '_>, shared: &'s Shared) -> io::Result<Split<'s>> {
        let connections = far_channel::connect(&self.link, &self.destination, self.uuid, &self.parameters)?;
        let mut channels = Vec::new();
        for connection in connections {
            // After the end of the migration.
            let Some(number) = shared.lock().open(&[&connection]) else { break };
            let (queue, jobs) = sync_channel(QUEUE);
            channels.push(queue);
            scope.spawn(move || self.run(shared, connection, number, &jobs));
        }
        Ok(Split { shared, splitter: PageSplitter::new(self.release), channels, next: 0 })
    }

    /// Sends the packets of a channel.
    fn run(&self, shared: &Shared, connection: Channel, number: usize, jobs: &Receiver<Job>) {
        if let Err(reason) = self.send(connection, jobs) {
            shared.lock().fail_pages(&reason);
        }
        shared.lock().close(number);
    }

    fn send(&self, connection: Channel, jobs: &Receiver<Job>) -> Result<(), String> {
        let Ok(mut job) = jobs.recv() else { return Ok(()) };
        let channel = FarChannel::new(connection, job.page_size, &self.parameters);
        let mut channel = channel.map_err(|error| destination_failed(&error))?;
        loop {
            match &job.pages {
                Some(batch) => channel.send(batch.pages(), &self.packets)?,
                None => channel.synchronize(&self.packets)?,
            }
            match jobs.recv() {
                Ok(next) => job = next,
                Err(_) => return Ok(()),
            }
        }
    }
}

impl Split<'_> {
    /// Sends bytes of the stream.
    pub(super) fn pass(&mut self, mut bytes: &[u8], main: &File) -> Result<(), Lost> {
        loop {
            let task = self.splitter.advance(&mut bytes).map_err(|error| {
                self.shared.fail(&error.to_string());
                Lost::Ended
            })?;
            match task {
                Some(SplitTask::Send(batch)) => self.send(batch),
                Some(SplitTask::Synchronize) => {
                    self.synchronize();
                    self.write(main)?;
                }
                None => return self.write(main),
            }
        }
    }

    /// Sends pages over the next channel.
    fn send(&mut self, batch: PageBatch) {
        let channel = self.next.checked_rem(self.channels.len()).and_then(|index| self.channels.get(index));
        self.next = self.next.wrapping_add(1);
        if let (Some(channel), Some(page_size)) = (channel, self.splitter.page_size()) {
            // A channel that has failed ends the migration.
            let _ = channel.send(Job { page_size, pages: Some(batch) });
        }
    }

    fn synchronize(&self) {
        let Some(page_size) = self.splitter.page_size() else { return };
        for channel in &self.channels {
            let _ = channel.send(Job { page_size, pages: None });
        }
    }

    fn write(&mut self, mut main: &File) -> Result<(), Lost> {
        let written = main.write_all(self.splitter.main().pending());
        self.splitter.main().clear();
        written.map_err(Lost::Destination)
    }
}
