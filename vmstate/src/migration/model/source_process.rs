//! The driver of a source in the model.

use std::time::Duration;

use super::guest::{PAGES, Pages, SourceMemory};
use super::link::{Link, Message};
use super::setup::Mutation;
use super::world::{BLOCK, LONG, PAGE, World};
use crate::migration::destination::Item;
use crate::migration::source::{Done, SourceAction, SourceControl, SourceInput};
use crate::ram::PageRequest;
use crate::stream::{Command, DiscardRange};

/// The length of a package that lets the guest run, in the model.
pub(super) const RUNNING_PACKAGE: u32 = 2;

/// Returns the commands that discard the pages which are left to send.
fn discards(memory: &SourceMemory) -> Option<Message> {
    let dirty = (0..PAGES).filter(|page| memory.dirty[*page]);
    let ranges: Vec<_> = dirty.map(|page| DiscardRange::new(page as u64 * PAGE, PAGE)).collect();
    let command = Command::RamDiscard { block: BLOCK.to_owned(), ranges };
    memory.dirty.contains(&true).then(|| Message::new(Item::Command(command)))
}

/// Returns the pages of a request.
fn requested(request: &PageRequest) -> std::ops::Range<usize> {
    let page = |offset: u64| usize::try_from(offset / PAGE).expect("a small guest");
    page(request.bytes.start)..page(request.bytes.end)
}

impl World {
    pub(super) fn source_acts(&mut self, vanishes: bool) -> Option<()> {
        let now = self.now;
        let action = self.source.as_mut()?.engine.poll_action(now)?;
        let broken = self.current_source_link().is_some_and(|link| !link.is_whole_forward());
        // After a failed write, the driver waits for the destination's reason.
        if broken && !vanishes && self.current_source_link().is_some_and(|link| !link.back.is_empty()) {
            return None;
        }
        let writes = !matches!(
            action,
            SourceAction::Connect
                | SourceAction::Close
                | SourceAction::Stop
                | SourceAction::Resume
                | SourceAction::Restore { .. }
                | SourceAction::ConnectPreempt
        );
        // Both outcomes differ only for writes into a broken connection.
        if vanishes && !(broken && writes) {
            return None;
        }
        let result = self.execute_source(&action, vanishes);
        let now = self.now + Duration::from_micros(100);
        let source = self.source.as_mut()?;
        match result {
            Ok(done) => source.engine.handle(now, SourceInput::Done(done)),
            Err(reason) => source.engine.handle(now, SourceInput::Failed(reason)),
        }
        Some(())
    }

    fn current_source_link(&self) -> Option<&Link> {
        self.links.get(self.source.as_ref()?.link?)
    }

    fn execute_source(&mut self, action: &SourceAction, vanishes: bool) -> Result<Done, String> {
        let (mutation, links) = (self.setup.mutation, self.links.len());
        let Some(source) = &mut self.source else { return Err("dead".to_owned()) };
        let mut messages = Vec::new();
        match action {
            SourceAction::Connect => {
                if let Some(link) = source.link.take() {
                    self.links[link].source_open = false;
                }
                if self.destination.is_none() {
                    return Err("nothing listens".to_owned());
                }
                (source.link, source.lost) = (Some(links), false);
                self.links.push(Link::new());
                return Ok(Done::default());
            }
            SourceAction::Close => {
                if let Some(link) = source.link.take() {
                    self.links[link].source_open = false;
                }
                return Ok(Done::default());
            }
            SourceAction::Stop => {
                source.runs = false;
                self.stopped = Some(source.memory.guest);
            }
            SourceAction::Resume => source.runs = mutation != Some(Mutation::StayStopped),
            SourceAction::Begin { commands } => {
                messages.extend(commands.iter().cloned().map(|command| Message::new(Item::Command(command))));
                messages.push(Message::new(Item::Section));
            }
            SourceAction::Send(Command::Revoke(_)) if mutation == Some(Mutation::OmitReasons) => {
                messages.push(Message::new(Item::Command(Command::Revoke(String::new()))));
            }
            SourceAction::Send(command) => messages.push(Message::new(Item::Command(command.clone()))),
            SourceAction::Iterate { .. } | SourceAction::CompleteLive => {
                let pages = source.memory.take(*action == SourceAction::CompleteLive);
                messages.push(Message { pages, ..Message::new(Item::Section) });
            }
            SourceAction::Synchronize => {
                if source.runs || mutation != Some(Mutation::SkipLastSynchronization) {
                    source.memory.synchronize();
                }
            }
            SourceAction::Devices => {
                messages.push(Message { devices: Some(source.memory.guest.devices), ..Message::new(Item::Section) });
            }
            SourceAction::End => messages.push(Message::new(Item::End { described: true })),
            SourceAction::Throttle(_)
            | SourceAction::LimitWrites(_)
            | SourceAction::Capture
            | SourceAction::HandOver => {}
            // Requested pages take the same link.
            SourceAction::ConnectPreempt => match source.link {
                Some(link) => self.links[link].preempt = true,
                None => return Err("the connection is closed".to_owned()),
            },
            SourceAction::Discard => {
                source.memory.synchronize();
                messages.extend(discards(&source.memory));
            }
            SourceAction::Package { run } => {
                let package = Command::Packaged { length: if *run { RUNNING_PACKAGE } else { 1 } };
                let devices = Some(source.memory.guest.devices);
                messages.push(Message { devices, ..Message::new(Item::Command(package)) });
            }
            SourceAction::Serve(requests) => {
                for page in requests.iter().flat_map(requested) {
                    let pages = source.memory.take_page(page);
                    if pages != Pages::default() {
                        messages.push(Message { pages, ..Message::new(Item::Section) });
                    }
                }
            }
            SourceAction::EndPostcopy => messages.push(Message::new(Item::End { described: false })),
            SourceAction::Restore { received, .. } => {
                if mutation != Some(Mutation::ForgetLostPages) {
                    source.memory.dirty = std::array::from_fn(|page| !received.contains(page as u64));
                }
            }
        }
        let remaining = source.memory.remaining();
        for message in messages {
            let gives_away = match &message.item {
                Item::Command(Command::Run | Command::Packaged { length: RUNNING_PACKAGE }) => true,
                Item::End { .. } => !self.setup.handshake,
                _ => false,
            };
            self.send(message, vanishes)?;
            self.run_sent |= gives_away;
        }
        Ok(Done::new(100, remaining))
    }

    fn send(&mut self, message: Message, vanishes: bool) -> Result<(), String> {
        let link = self.source.as_ref().and_then(|source| source.link).ok_or("not connected")?;
        self.links[link].send(message, vanishes)
    }

    pub(super) fn source_receives(&mut self) -> Option<()> {
        let source = self.source.as_mut()?;
        let bytes = self.links.get_mut(source.link?)?.back.pop_front()?;
        source.engine.handle(self.now, SourceInput::Received(&bytes));
        Some(())
    }

    pub(super) fn source_loses(&mut self) -> Option<()> {
        let source = self.source.as_mut().filter(|source| !source.lost)?;
        self.links.get(source.link?).filter(|link| link.is_lost_for_source())?;
        source.lost = true;
        source.engine.handle(self.now, SourceInput::Lost("connection lost".to_owned()));
        Some(())
    }

    pub(super) fn source_times_out(&mut self, long: bool) -> Option<()> {
        if self.setup.mutation == Some(Mutation::SourceWaitsForever) {
            return None;
        }
        let source = self.source.as_mut()?;
        let deadline = source.engine.poll_timeout()?;
        let is_slice = deadline <= self.now + Duration::from_secs(1);
        if !self.setup.timeouts && (long || !is_slice) {
            return None;
        }
        source.engine.handle(if long { deadline + LONG } else { deadline }, SourceInput::Timeout);
        Some(())
    }

    pub(super) fn command_source(&mut self, control: SourceControl) -> Option<()> {
        self.source.as_mut()?.engine.command(self.now, control).ok()
    }

    /// Resumes the guest at the source: the destination is dead, or was seen stopped and disconnected.
    pub(super) fn force_source(&mut self) -> Option<()> {
        let is_safe = self.destination.as_ref().is_none_or(|destination| {
            let has_ended = destination.engine.is_finished() && !destination.runs;
            has_ended || (destination.is_disconnected() && !self.forced)
        });
        if !self.setup.force || !is_safe {
            return None;
        }
        self.forced = true;
        self.command_source(SourceControl::ForceRun)
    }
}
