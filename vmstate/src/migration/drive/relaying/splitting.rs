//! A source with one connection, whose pages are sent over the data channels (multifd) of the destination.
//!
//! A thread for each channel compresses and sends its packets. The main connection gets a synchronization point after all
//! channels have one in their queue, and before any later packet, because the destination waits for both.

use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::AtomicU64;
use std::thread::Scope;

use super::super::channel::{Channel, Link};
use super::far_channel::{self, FarChannel, destination_failed};
use super::queue::{NotSent, Receiver, Sender, queue};
use super::shared::{Lost, Shared};
use crate::memory::PageSize;
use crate::migration::Uri;
use crate::migration::parameter::Parameters;
use crate::migration::relay::{PageBatch, PageSplitter, SplitTask};
use crate::migration::release::QemuRelease;

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
    /// The packet that waits for each channel, while another one is compressed or sent.
    channels: Vec<Sender<Job>>,
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
            let (sender, jobs) = queue();
            channels.push(sender);
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
        let Some(mut job) = jobs.receive() else { return Ok(()) };
        let channel = FarChannel::new(connection, job.page_size, &self.parameters);
        let mut channel = channel.map_err(|error| destination_failed(&error))?;
        loop {
            match &job.pages {
                Some(batch) => channel.send(batch.pages(), &self.packets)?,
                None => channel.synchronize(&self.packets)?,
            }
            match jobs.receive() {
                Some(next) => job = next,
                None => return Ok(()),
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
                Some(SplitTask::Send(batch)) => self.send(batch)?,
                Some(SplitTask::Synchronize) => {
                    self.synchronize()?;
                    self.write(main)?;
                }
                None => return self.write(main),
            }
        }
    }

    /// Sends pages over the next channel.
    fn send(&mut self, batch: PageBatch) -> Result<(), Lost> {
        let channel = self.next.checked_rem(self.channels.len()).and_then(|index| self.channels.get(index));
        self.next = self.next.wrapping_add(1);
        match (channel, self.splitter.page_size()) {
            (Some(channel), Some(page_size)) => self.queue(channel, Job { page_size, pages: Some(batch) }),
            _ => Ok(()),
        }
    }

    fn synchronize(&self) -> Result<(), Lost> {
        let Some(page_size) = self.splitter.page_size() else { return Ok(()) };
        self.channels.iter().try_for_each(|channel| self.queue(channel, Job { page_size, pages: None }))
    }

    /// Waits for a place in the queue of a channel. A destination can accept bytes so slowly that a packet takes too long,
    /// although no write does.
    fn queue(&self, channel: &Sender<Job>, job: Job) -> Result<(), Lost> {
        match channel.send(job, self.shared.timeout()) {
            // A channel that has failed ends the migration.
            Ok(()) | Err(NotSent::Ended) => Ok(()),
            Err(NotSent::Full) => {
                self.shared.lock().fail_pages(&destination_failed(&"it accepts pages too slowly"));
                Err(Lost::Ended)
            }
        }
    }

    fn write(&mut self, mut main: &File) -> Result<(), Lost> {
        let written = main.write_all(self.splitter.main().pending());
        self.splitter.main().clear();
        written.map_err(Lost::Destination)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::migration::RelayOutcome;
    use crate::migration::relay::Relay;

    #[test]
    fn channel_without_progress_ends_the_migration() {
        let shared = Shared::new(Relay::new(), Duration::from_millis(10));
        let (channel, _jobs) = queue();
        let split =
            Split { shared: &shared, splitter: PageSplitter::new(QemuRelease::V10_0), channels: vec![], next: 0 };
        let job = || Job { page_size: PageSize::DEFAULT, pages: None };
        assert!(split.queue(&channel, job()).is_ok());
        assert!(matches!(split.queue(&channel, job()), Err(Lost::Ended)));
        drop(split);
        let RelayOutcome::Failed(reason) = shared.finish().0 else { panic!("not failed") };
        assert!(reason.starts_with("a data channel of the destination: it accepts pages too slowly"), "{reason}");
    }
}
