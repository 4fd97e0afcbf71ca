//! The load of a stream: the actions of a destination that need the machine.

use std::sync::Arc;

use vmstate_types::{LoadError, Reader};

use super::driver::{Driver, UNSUPPORTED};
use crate::machine::{LoadReport, LoadSession, Machine, Step, Trailer};
use crate::migration::capability::Capability;
use crate::migration::destination::{DestinationAction, DestinationInput, Item};
use crate::migration::drive::announced;
use crate::migration::drive::channel::{Channel, INCOMPLETE};
use crate::migration::drive::host::{Host, HostMemory};
use crate::migration::drive::postcopy::{Package, Postcopy};
use crate::migration::drive::socket::{Socket, TimedReader};
use crate::migration::parameter::Mode;
use crate::migration::status::Event;
use crate::ram::{self, AnnouncedRam, Ram};
use crate::registry::{EntryId, RegisterError, Registration};
use crate::section::read_file;
use crate::stream::{Command, StreamItem, StreamReader};

/// The most commands of a rejected stream that are read. Sources send at most four before the first section.
const FIRST_COMMANDS: usize = 8;

impl<E: FnMut(Event)> Driver<'_, E> {
    /// Loads the stream, and returns the first action that does not need the machine.
    pub(super) fn load(&mut self, host: &mut impl Host) -> Option<DestinationAction> {
        let (memory, configuration) = (host.memory(), host.configuration());
        let expected = announced::expected(host, self.config.capabilities);
        self.searches_ends = memory.announced.is_some();
        if self.config.capabilities.has(Capability::PostcopyRam) {
            self.postcopy =
                Postcopy::new(memory.clone(), self.output.clone(), self.incoming.control.0.blocktime.clone());
        }
        let mut used = None;
        host.with_machine(&mut |machine| {
            machine.set_configuration(expected.clone());
            let registered = self.register_memory(machine, &memory);
            used = Some(match registered {
                Ok(memory) => {
                    let next = self.load_machine(machine);
                    machine.unregister(memory);
                    // Later saves decide anew whether memory has fixed places.
                    machine.set_configuration(configuration.clone());
                    next
                }
                Err(error) => {
                    self.handle(DestinationInput::Failed(error.to_string()));
                    self.next_action()
                }
            });
        });
        used.unwrap_or_else(|| {
            self.handle(DestinationInput::Failed("the host did not provide its machine".to_owned()));
            self.next_action()
        })
    }

    fn register_memory(&self, machine: &mut Machine<'_>, memory: &HostMemory) -> Result<EntryId, RegisterError> {
        match (&self.postcopy, &memory.announced) {
            (Some(postcopy), _) => postcopy.register(machine, memory.page_size),
            (None, Some(announced)) => {
                let channels = self.receiving.as_ref().map(|receiving| Arc::clone(receiving.shared()));
                let ram = AnnouncedRam::new(Arc::clone(announced), channels);
                machine.add(Registration::live("ram", ram::VERSION, ram))
            }
            (None, None) => {
                let mut ram = Ram::new(memory.page_size, memory.blocks.clone());
                if let Some(receiving) = &self.receiving {
                    ram = ram.load_channels(Arc::clone(receiving.shared()));
                }
                // The destination of such a migration has the memory already.
                if self.config.parameters.mode != Mode::CprTransfer {
                    ram = ram.require_pages();
                }
                let mut registration = Registration::live("ram", ram::VERSION, ram);
                registration.page_size = Some(memory.page_size);
                machine.add(registration)
            }
        }
    }

    fn load_machine(&mut self, machine: &mut Machine<'_>) -> Option<DestinationAction> {
        let input = self.channel.as_mut().and_then(|channel| channel.input.as_ref()?.try_clone().ok());
        let Some(input) = input else {
            self.handle(DestinationInput::Lost("the connection cannot be read".to_owned()));
            return self.next_action();
        };
        let mut reader = match self.place().map(|place| read_file(input.try_clone()?, place)) {
            Some(Ok(reader)) => reader,
            Some(Err(error)) => {
                self.handle(DestinationInput::Failed(format!("the file cannot be read: {error}")));
                return self.next_action();
            }
            None => Reader::from_read(TimedReader(input)),
        };
        // The driver reads it: the engine has to know if it is truncated.
        let options = self.incoming.options.clone().trailer(Trailer::Ignore);
        let mut stream = match options.open(&mut reader) {
            Ok(stream) => stream,
            Err(error) => {
                self.handle(failure(&error, self.place()));
                return self.next_action();
            }
        };
        match LoadSession::begin(machine, &mut stream, options) {
            Ok(session) => {
                let action = Some(DestinationAction::Load);
                self.load_stream(machine, &mut stream, session, action, Part::Stream)
            }
            Err(error) => self.decline(&mut stream, &error),
        }
    }

    /// Rejects another machine after the commands before the first section: a source that offers the handshake among them
    /// learns the reason, while QEMU only closes the connection.
    fn decline(&mut self, stream: &mut StreamReader<'_, '_>, error: &LoadError) -> Option<DestinationAction> {
        for _ in 0..FIRST_COMMANDS {
            let Ok(Some(StreamItem::Command(command))) = stream.next_item() else { break };
            // Others prepare for a guest that does not come.
            if !matches!(command, Command::OpenReturnPath | Command::Ping(_)) {
                continue;
            }
            self.handle(DestinationInput::Item(Item::Command(command)));
            let mut action = self.next_action();
            while let Some(DestinationAction::Answer(message)) = action {
                let input = self.answer(&message);
                self.handle(input);
                action = self.next_action();
            }
            if action != Some(DestinationAction::Load) {
                return action;
            }
        }
        self.handle(failure(error, self.place()));
        self.next_action()
    }

    fn load_stream(
        &mut self,
        machine: &mut Machine<'_>,
        stream: &mut StreamReader<'_, '_>,
        session: LoadSession,
        mut action: Option<DestinationAction>,
        part: Part,
    ) -> Option<DestinationAction> {
        let mut session = Some(session);
        loop {
            let input = match action {
                Some(DestinationAction::Advise(advice)) => self.with_postcopy(|postcopy| postcopy.advise(advice)),
                Some(DestinationAction::Discard { block, ranges }) => {
                    self.with_postcopy(|postcopy| postcopy.discard(&block, &ranges))
                }
                Some(DestinationAction::Listen { length }) => match (self.listen(stream, length), session.take()) {
                    (Ok(package), Some(session)) => {
                        self.handle(DestinationInput::Done);
                        return self.load_package(machine, &package, session);
                    }
                    (package, kept) => {
                        session = kept;
                        DestinationInput::Failed(package.err().unwrap_or_default())
                    }
                },
                Some(DestinationAction::Load) => self.explain(take_item(machine, stream, &mut session, self.place())),
                // The host accepts the devices when the machine does not borrow them anymore.
                Some(DestinationAction::Commit) if self.report.is_some() => return action,
                Some(DestinationAction::Commit) => match self.commit(machine, stream, &mut session, part) {
                    Ok(report) => {
                        self.report = Some(report);
                        continue;
                    }
                    Err(input) => input,
                },
                Some(DestinationAction::RollBack) => {
                    if let Some(session) = session.take() {
                        session.roll_back(machine);
                    }
                    DestinationInput::Done
                }
                Some(DestinationAction::AcceptPreempt) => self.accept_preempt(),
                Some(DestinationAction::Answer(message)) => self.answer(&message),
                other => return other,
            };
            self.handle(input);
            action = self.next_action();
        }
    }

    fn load_package(
        &mut self,
        machine: &mut Machine<'_>,
        package: &Package,
        session: LoadSession,
    ) -> Option<DestinationAction> {
        let action = self.next_action();
        let mut reader = Reader::from_slice_at(&package.bytes, package.offset);
        let mut stream = StreamReader::continued(&mut reader, package.items.clone());
        self.load_stream(machine, &mut stream, session, action, Part::Package)
    }

    fn listen(&mut self, stream: &mut StreamReader<'_, '_>, length: u32) -> Result<Package, String> {
        let input = self.channel.as_ref().and_then(|channel| channel.input.as_ref()?.try_clone().ok());
        let input = input.ok_or("the connection cannot be read")?;
        self.reject_preempt()?;
        let postcopy = self.postcopy.as_mut().ok_or(UNSUPPORTED)?;
        postcopy.listen(stream, length, input)
    }

    /// Replaces the consequence of a failed data channel by its error.
    fn explain(&self, input: DestinationInput) -> DestinationInput {
        match (self.receiving.as_ref().and_then(|receiving| receiving.shared().error()), input) {
            (Some(error), DestinationInput::Lost(_) | DestinationInput::Failed(_)) => DestinationInput::Failed(error),
            (_, input) => input,
        }
    }

    fn has_more(&self, stream: &mut StreamReader<'_, '_>) -> bool {
        let socket = self.channel.as_ref().and_then(Channel::socket);
        !stream.payload().buffered().is_empty() || socket.is_some_and(Socket::has_bytes)
    }

    fn commit(
        &self,
        machine: &mut Machine<'_>,
        stream: &mut StreamReader<'_, '_>,
        session: &mut Option<LoadSession>,
        part: Part,
    ) -> Result<LoadReport, DestinationInput> {
        // A source with more data channels has sent pages over them, too. QEMU closes such a connection.
        let surplus = self.receiving.is_some() && self.incoming.listener.has_waiting().unwrap_or(false);
        if surplus {
            let error = "unexpected data channel; set `multifd-channels` to the same value on both sides";
            return Err(DestinationInput::Failed(error.to_owned()));
        }
        // QEMU knows where the stream ends, and ignores everything that follows it.
        if self.searches_ends && self.has_more(stream) {
            let error = "expected the end of the stream, found more; a device contains bytes that look like the end";
            return Err(DestinationInput::Failed(error.to_owned()));
        }
        let mut session = session.take().ok_or_else(|| DestinationInput::Failed("the load has ended".to_owned()))?;
        if part == Part::Package {
            session.end_package(stream);
        }
        session.commit(machine).map_err(|error| failure(&error, self.place()))
    }

    /// Returns the offset of the stream, if it is in a file.
    fn place(&self) -> Option<u64> {
        self.channel.as_ref().and_then(Channel::place)
    }
}

/// Returns the input for an error of a stream, which is in a file if it has a place. Nothing follows in a file that ends.
fn failure(error: &LoadError, place: Option<u64>) -> DestinationInput {
    match (error.is_truncated(), place) {
        (true, None) => DestinationInput::Lost(format!("connection lost: {error}")),
        (true, Some(_)) => DestinationInput::Failed(format!("{error}; {INCOMPLETE}")),
        (false, _) => DestinationInput::Failed(error.to_string()),
    }
}

/// Takes the next item of the stream, and loads it if it is a section.
fn take_item(
    machine: &mut Machine<'_>,
    stream: &mut StreamReader<'_, '_>,
    session: &mut Option<LoadSession>,
    place: Option<u64>,
) -> DestinationInput {
    let Some(current) = session else { return DestinationInput::Failed("the load has ended".to_owned()) };
    let item = match current.step(machine, stream) {
        Ok(Step::Section(_)) => Item::Section,
        Ok(Step::Command(command)) => Item::Command(command),
        Ok(Step::PackageEnd) => Item::PackageEnd,
        Ok(Step::End) => {
            let text = stream.description().ok().flatten();
            let described = text.is_some();
            text.into_iter().for_each(|text| current.describe(text));
            Item::End { described }
        }
        Err(error) => {
            let error = match session.take() {
                Some(session) => session.fail(machine, stream, error),
                None => error,
            };
            return failure(&error, place);
        }
    };
    DestinationInput::Item(item)
}

/// The part of a stream that is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Stream,
    /// The package with the devices, after which only memory follows.
    Package,
}
