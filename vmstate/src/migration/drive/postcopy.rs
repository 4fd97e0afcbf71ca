//! The threads of a destination whose guest runs before its pages have arrived: one reads the connection and places pages,
//! and one handles page faults and requests the pages.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::ops::Range;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use vmstate_types::{LoadError, Reader, Writer};

use super::channel::{Channel, until};
use super::host::HostMemory;
use super::preempt::{Gate, Preempt};
use super::return_path::ReturnPath;
use super::socket::{Socket, TimedReader};
use crate::machine::Machine;
use crate::memory::{Fault, MemoryError, MissingFaults, MissingPages, PageSize, discard};
use crate::migration::destination::{DestinationInput, Item};
use crate::migration::status::{BlocktimeRecorder, MissingPage};
use crate::ram::{IncomingRam, PlacePages, ReceivedPages};
use crate::registry::{EntryId, RegisterError, Registration};
use crate::section::LiveSection;
use crate::stream::{Command, DiscardRange, ItemDecoder, NextItem, PostcopyAdvice, ReturnPathMessage, StreamReader};

/// The package with the devices.
pub(super) struct Package {
    pub(super) bytes: Vec<u8>,
    /// The offset of the package in the stream.
    pub(super) offset: u64,
    /// The decoder of its items.
    pub(super) items: ItemDecoder,
}

/// Postcopy at the destination.
pub(super) struct Postcopy {
    ram: IncomingRam,
    requests: Arc<Requests>,
    /// Dropping it wakes all threads of the guest.
    faults: Option<MissingFaults>,
    /// The numbers of the registered blocks.
    numbers: Vec<usize>,
    listener: Option<Receiver<DestinationInput>>,
    /// The thread that reads the connection.
    reader: Option<thread::JoinHandle<()>>,
    /// The decoder of the stream's items, without the package, for later connections.
    items: ItemDecoder,
    /// Set while the guest runs here and lacks pages.
    guest_runs: bool,
    /// The channel for requested pages.
    preempt: Option<Preempt<Placer>>,
    /// Set when the stream has ended. Its last pages may still arrive over the other channel.
    has_ended: bool,
}

/// A panic of the driver or of the host ends the migration, so that missing pages cannot arrive anymore. Threads of the guest
/// that access them wait forever then: the guest would be destroyed without notice if it found zeros.
impl Drop for Postcopy {
    fn drop(&mut self) {
        if self.guest_runs {
            std::mem::forget(self.faults.take());
        }
    }
}

impl Postcopy {
    /// Creates postcopy of a memory, if the system supports it.
    #[expect(clippy::unnecessary_wraps, reason = "other systems do not support it")]
    pub(super) fn new(memory: HostMemory, output: ReturnPath, waits: Arc<Mutex<BlocktimeRecorder>>) -> Option<Self> {
        let ram = IncomingRam::new(memory.page_size, memory.blocks);
        let requests = Requests { output, names: Mutex::default(), received: ram.received().clone(), waits };
        let items = ItemDecoder::new();
        let requests = Arc::new(requests);
        Some(Self {
            ram,
            requests,
            faults: None,
            numbers: Vec::new(),
            listener: None,
            reader: None,
            items,
            guest_runs: false,
            preempt: None,
            has_ended: false,
        })
    }

    /// Registers the section that loads the memory.
    pub(super) fn register(&self, machine: &mut Machine<'_>, page_size: PageSize) -> Result<EntryId, RegisterError> {
        let mut registration = Registration::live("ram", crate::ram::VERSION, self.ram.clone());
        registration.page_size = Some(page_size);
        machine.add(registration)
    }

    /// Checks before anything is lost that pages can be placed, and that the source's pages are as large.
    pub(super) fn advise(&self, advice: PostcopyAdvice) -> Result<(), String> {
        let blocks = self.ram.blocks();
        let summary = blocks.iter().fold(0, |sizes, block| sizes | block.host_page_size());
        let PostcopyAdvice { page_size_summary, target_page_size } = advice;
        if summary != page_size_summary {
            return Err(format!(
                "postcopy needs equal page sizes of RAM: expected {summary:#x} (all sizes), found {page_size_summary:#x}"
            ));
        }
        let ours = self.ram.page_size();
        if ours != target_page_size {
            return Err(format!("postcopy needs equal target page sizes: expected {ours}, found {target_page_size}"));
        }
        MissingFaults::start(blocks, |_, _| {}).map(drop).map_err(|error| with_cause(&error))
    }

    /// Handles page faults from here on: registered before the first page is discarded, so that no access finds zeros.
    fn handle_faults(&mut self) -> Result<(), String> {
        if self.faults.is_none() {
            let listed = self.ram.listed();
            let requests = self.requests.clone();
            *lock(&requests.names) = Names {
                blocks: listed.iter().map(|(index, block)| (*index, block.idstr().to_owned())).collect(),
                last: None,
            };
            let numbers: Vec<usize> = listed.iter().map(|(index, _)| *index).collect();
            let host_page_sizes: Vec<u64> = listed.iter().map(|(_, block)| block.host_page_size()).collect();
            let blocks = listed.into_iter().map(|(_, block)| block).collect();
            let faults = MissingFaults::start(blocks, {
                let numbers = numbers.clone();
                move |pages, batch| {
                    for fault in batch {
                        let size = host_page_sizes.get(fault.block).copied().unwrap_or(4096);
                        let Some(number) = numbers.get(fault.block) else { continue };
                        requests.fault(pages, fault, *number, size);
                    }
                }
            });
            let faults = faults.map_err(|error| with_cause(&error))?;
            self.numbers = numbers;
            self.ram.place_with(Box::new(self.placer(&faults))).map_err(|error| error.to_string())?;
            self.faults = Some(faults);
        }
        Ok(())
    }

    fn placer(&self, faults: &MissingFaults) -> Placer {
        Placer { pages: faults.pages().clone(), numbers: self.numbers.clone(), requests: self.requests.clone() }
    }

    /// Places the pages of the channel for requested pages, too. A failure breaks the main connection.
    pub(super) fn accept_preempt(&mut self, channel: Channel, main: Socket) -> Result<(), String> {
        self.handle_faults()?;
        let faults = self.faults.as_ref().ok_or("all pages have arrived")?;
        let place = Gate::new(self.placer(faults));
        let ram = self.ram.preempt(Box::new(place.clone()));
        self.preempt = Some(Preempt::start(channel, main, ram, place).map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Discards pages that follow later.
    pub(super) fn discard(&mut self, block: &str, ranges: &[DiscardRange]) -> Result<(), String> {
        self.handle_faults()?;
        let listed = self.ram.listed();
        let Some((index, block)) = listed.iter().find(|(_, known)| known.idstr() == block) else {
            return Err(format!("unknown RAM block `{}` of a discard", block.escape_debug()));
        };
        for range in ranges {
            let end = range.start.checked_add(range.length).ok_or("a discard exceeds its RAM block")?;
            let bytes = range.start..end;
            // First: a fault on a page that counts as received is resolved with zeros.
            self.ram.forget(*index, &bytes);
            discard(block, &bytes).map_err(|error| with_cause(&error))?;
        }
        Ok(())
    }

    /// Takes the package from the stream, and reads the rest of the stream on a thread.
    pub(super) fn listen(
        &mut self,
        stream: &mut StreamReader<'_, '_>,
        length: u32,
        input: File,
    ) -> Result<Package, String> {
        self.handle_faults()?;
        let (offset, items) = (stream.offset(), stream.items().clone());
        let bytes = read_package(stream.payload(), length).map_err(|error| error.to_string())?;
        self.items = items.outside_package();
        let buffered = stream.payload().buffered().to_vec();
        self.start(buffered, input);
        Ok(Package { bytes, offset, items })
    }

    /// Reads a connection that replaces a lost one.
    pub(super) fn listen_again(&mut self, input: File) {
        if let Some(reader) = self.reader.take() {
            // The old connection was shut down. Its last pages must not mix with the new stream and its bitmaps.
            let _ = reader.join();
        }
        if let Some(preempt) = self.preempt.take() {
            preempt.join();
        }
        self.ram.restart();
        lock(&self.requests.names).last = None;
        self.start(Vec::new(), input);
    }

    fn start(&mut self, buffered: Vec<u8>, input: File) {
        let (sender, receiver) = mpsc::channel();
        self.has_ended = false;
        let (ram, items) = (self.ram.clone(), self.items.clone());
        self.listener = Some(receiver);
        let reader = thread::spawn(move || {
            let input = Cursor::new(buffered).chain(TimedReader(input));
            let mut reader = Reader::from_read(input);
            read_items(&mut StreamReader::continued(&mut reader, items), ram, &sender);
        });
        self.reader = Some(reader);
    }

    /// Waits for the next item that is not a section.
    pub(super) fn next(&mut self, deadline: Option<Instant>) -> DestinationInput {
        let input = self.receive(deadline);
        self.has_ended |= matches!(input, DestinationInput::Item(Item::End { .. }));
        match (input, self.preempt.as_ref().and_then(Preempt::error)) {
            // The failure of the other channel has broken the connection.
            (DestinationInput::Lost(_), Some(error)) => DestinationInput::Lost(error),
            (input, _) => input,
        }
    }

    fn receive(&self, deadline: Option<Instant>) -> DestinationInput {
        let lost = || DestinationInput::Lost("the connection is closed".to_owned());
        let Some(listener) = &self.listener else { return lost() };
        let received = match until(deadline) {
            Some(timeout) => listener.recv_timeout(timeout),
            None => listener.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(input) => input,
            Err(RecvTimeoutError::Timeout) => DestinationInput::Timeout,
            Err(RecvTimeoutError::Disconnected) => lost(),
        }
    }

    /// Sets whether the guest runs, or may run.
    pub(super) fn set_guest_runs(&mut self, runs: bool) {
        self.guest_runs = runs;
    }

    /// Forgets the connection.
    pub(super) fn disconnect(&mut self) {
        self.requests.output.replace(None);
        self.listener = None;
        self.preempt.iter_mut().for_each(Preempt::close);
    }

    /// Sends the pages that have arrived.
    pub(super) fn send_bitmap(&self, block: &str) -> Result<(), String> {
        let listed = self.ram.listed();
        let found = listed.iter().find(|(_, known)| known.idstr() == block);
        let (index, _) = found.ok_or_else(|| format!("unknown RAM block `{}`", block.escape_debug()))?;
        let mut bitmap = Writer::new();
        self.ram.received().bitmap(*index).encode(&mut bitmap);
        self.requests.output.send(&ReturnPathMessage::RecvBitmap(block.to_owned()), bitmap.pending())
    }

    /// Requests all pages again that threads of the guest wait for.
    pub(super) fn repeat_requests(&self) -> Result<(), String> {
        self.requests.repeat()
    }

    /// Ends postcopy if all pages have arrived.
    pub(super) fn finish(&mut self, progress: Duration) -> Result<(), String> {
        if self.has_ended {
            self.await_requested(Instant::now() + progress);
        }
        if !self.ram.is_complete() {
            let error = self.preempt.as_ref().and_then(Preempt::error);
            return Err(error.unwrap_or_else(|| "pages are missing".to_owned()));
        }
        self.preempt.iter().for_each(Preempt::end);
        self.ram.end_placing();
        self.guest_runs = false;
        self.faults = None;
        Ok(())
    }
}

impl Postcopy {
    /// Waits for the pages that the source has sent over the other channel before the end of the stream.
    fn await_requested(&self, deadline: Instant) {
        let Some(preempt) = &self.preempt else { return };
        while preempt.is_reading() && !self.ram.is_complete() && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
    }
}

/// The time between two looks for the last requested pages.
const PAUSE: Duration = Duration::from_millis(1);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // All changes are complete when a thread panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with_cause(error: &MemoryError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// The most bytes that are allocated before they have arrived.
const CHUNK: u32 = 1 << 20;

fn read_package(reader: &mut Reader<'_>, length: u32) -> Result<Vec<u8>, LoadError> {
    let mut package = Vec::new();
    let mut left = length;
    while left > 0 {
        let count = left.min(CHUNK);
        let start = package.len();
        package.resize(start + count as usize, 0);
        reader.fill(&mut package[start..])?;
        left -= count;
    }
    Ok(package)
}

/// Reads the stream until its end or an error. Sections are loaded here, and commands are passed on.
fn read_items(stream: &mut StreamReader<'_, '_>, mut ram: IncomingRam, sender: &Sender<DestinationInput>) {
    loop {
        let input = match stream.advance() {
            Ok(Some(NextItem::Section)) => match load_pages(stream, &mut ram) {
                Ok(()) => continue,
                Err(error) => DestinationInput::Lost(error.to_string()),
            },
            Ok(Some(NextItem::Command(command))) => match *command {
                Command::Packaged { .. } => DestinationInput::Lost("unexpected package".to_owned()),
                command => DestinationInput::Item(Item::Command(command)),
            },
            Ok(Some(NextItem::PackageEnd)) => continue,
            Ok(None) => DestinationInput::Item(Item::End { described: false }),
            Err(error) => DestinationInput::Lost(error.to_string()),
        };
        let is_last = !matches!(input, DestinationInput::Item(Item::Command(_)));
        if sender.send(input).is_err() || is_last {
            return;
        }
    }
}

fn load_pages(stream: &mut StreamReader<'_, '_>, ram: &mut IncomingRam) -> Result<(), LoadError> {
    let (header, payload) = stream.section();
    if header.name != "ram" {
        let found = format!("section `{}`", header.name.escape_debug());
        return Err(LoadError::malformed("pages while the guest runs", found));
    }
    ram.load(payload, header.kind, header.version)?;
    stream.end_section()
}

/// Requests pages, each of them once on each connection.
struct Requests {
    output: ReturnPath,
    names: Mutex<Names>,
    received: Arc<ReceivedPages>,
    /// The pages that threads wait for.
    waits: Arc<Mutex<BlocktimeRecorder>>,
}

/// The names of the blocks, and the block of the last request: a request without a name refers to it.
#[derive(Debug, Default)]
struct Names {
    blocks: HashMap<usize, String>,
    last: Option<usize>,
}

impl Requests {
    fn fault(&self, pages: &MissingPages, fault: &Fault, block: usize, size: u64) {
        let bytes = fault.offset..fault.offset + size;
        // A page that has arrived and is missing in the page tables is zero: reading it did not allocate it.
        if self.received.contains(block, &bytes) {
            let _ = pages.place_zeros(fault.block, bytes);
            return;
        }
        let page = MissingPage { block, offset: fault.offset, size };
        if lock(&self.waits).wait(page, fault.thread, Instant::now()) {
            // On a lost connection, the request follows on the next one.
            let _ = self.request(page);
        }
        // Meanwhile, or between the check and the record.
        if self.received.contains(block, &bytes) {
            self.placed(page);
        }
    }

    fn request(&self, page: MissingPage) -> Result<(), String> {
        let MissingPage { block, offset: start, size } = page;
        let length = u32::try_from(size).map_err(|_| "a page of 4 GiB")?;
        let mut names = lock(&self.names);
        let message = match names.last {
            Some(last) if last == block => ReturnPathMessage::ReqPages { start, length },
            _ => {
                let name = names.blocks.get(&block).cloned().unwrap_or_default();
                ReturnPathMessage::ReqPagesId { block: name, start, length }
            }
        };
        names.last = Some(block);
        self.output.send(&message, &[])
    }

    fn repeat(&self) -> Result<(), String> {
        let missing = lock(&self.waits).missing();
        for page in missing {
            if !self.received.contains(page.block, &(page.offset..page.offset + page.size)) {
                self.request(page)?;
            }
        }
        Ok(())
    }

    fn placed(&self, page: MissingPage) {
        lock(&self.waits).arrived(&page, Instant::now());
    }
}

/// Places pages by userfaultfd.
struct Placer {
    pages: MissingPages,
    /// The numbers of the registered blocks.
    numbers: Vec<usize>,
    requests: Arc<Requests>,
}

impl Placer {
    fn registered(&self, block: usize) -> Result<usize, MemoryError> {
        let found = self.numbers.iter().position(|number| *number == block);
        found.ok_or(MemoryError::UnknownBlock { block, blocks: self.numbers.len() })
    }
}

impl PlacePages for Placer {
    fn place(&mut self, block: usize, offset: u64, page: &[u8]) -> Result<(), MemoryError> {
        self.pages.place(self.registered(block)?, offset, page)?;
        self.requests.placed(MissingPage { block, offset, size: page.len() as u64 });
        Ok(())
    }

    fn place_zeros(&mut self, block: usize, bytes: Range<u64>) -> Result<(), MemoryError> {
        let page = MissingPage { block, offset: bytes.start, size: bytes.end - bytes.start };
        self.pages.place_zeros(self.registered(block)?, bytes)?;
        self.requests.placed(page);
        Ok(())
    }
}
