//! The driver of a destination in the model.

use std::time::Instant;

use vmstate_types::Writer;

use super::guest::{PAGES, Pages};
use super::link::{Link, Message};
use super::setup::Mutation;
use super::source_process::RUNNING_PACKAGE;
use super::world::{BLOCK, DestinationProcess, PAGE, World};
use crate::migration::MigrationStatus;
use crate::migration::destination::{DestinationAction, DestinationControl, DestinationInput, Item};
use crate::stream::{Command, DiscardRange, ReceivedBitmap, ReturnPathMessage};

impl World {
    pub(super) fn force_destination(&mut self) -> Option<()> {
        let is_safe = self.source.as_ref().is_none_or(|source| {
            let waits = !source.engine.has_action() && source.link.is_none();
            source.engine.statistics(self.now).status == MigrationStatus::Doubt && waits && !self.forced
        });
        if !self.setup.force || !is_safe {
            return None;
        }
        self.forced = true;
        self.command_destination(DestinationControl::ForceRun)
    }

    pub(super) fn command_destination(&mut self, control: DestinationControl) -> Option<()> {
        let now = self.now;
        self.destination.as_mut()?.command(now, control).then_some(())
    }

    pub(super) fn destination_acts(&mut self, vanishes: bool) -> Option<()> {
        let action = self.destination.as_ref()?.action.clone()?;
        let broken = self.current_destination_link().is_some_and(|link| !link.is_whole_back());
        if vanishes && !(broken && matches!(action, DestinationAction::Answer(_))) {
            return None;
        }
        let input = self.execute_destination(&action, vanishes)?;
        let destination = self.destination.as_mut()?;
        destination.action = None;
        destination.engine.handle(self.now, input);
        Some(())
    }

    fn current_destination_link(&self) -> Option<&Link> {
        self.links.get(self.destination.as_ref()?.link?)
    }

    /// Returns the result, or `None` while the action waits.
    fn execute_destination(&mut self, action: &DestinationAction, vanishes: bool) -> Option<DestinationInput> {
        let destination = self.destination.as_mut()?;
        match action {
            DestinationAction::Accept => {
                let index = self.links.iter().position(|link| !link.accepted && !link.cut_forward)?;
                (self.links[index].accepted, destination.link) = (true, Some(index));
            }
            DestinationAction::Load | DestinationAction::ReadCommand => return self.read(),
            DestinationAction::AwaitClose => {
                let link = destination.link.and_then(|link| self.links.get(link))?;
                // The system reports the loss of an answer before the end of the stream.
                let lost = link.cut_forward || link.cut_back || !link.back.is_empty() && !link.source_open;
                return match lost {
                    true => Some(DestinationInput::Lost("connection reset".to_owned())),
                    false => link.is_lost_for_destination().then_some(DestinationInput::Done),
                };
            }
            DestinationAction::Answer(message) => {
                let mut bytes = Writer::new();
                message.encode(&mut bytes);
                let link = destination.link.and_then(|link| self.links.get_mut(link));
                let sent =
                    link.map_or(Err("closed".to_owned()), |link| link.answer(bytes.pending().to_vec(), vanishes));
                if let Err(reason) = sent {
                    return Some(DestinationInput::Lost(reason));
                }
            }
            DestinationAction::Commit => destination.committed = true,
            DestinationAction::RollBack => {
                if self.setup.mutation != Some(Mutation::KeepPartialLoad) {
                    (destination.pages, destination.devices) = (Pages::default(), None);
                }
            }
            DestinationAction::Run => self.run_destination(),
            DestinationAction::Advise(_) => {}
            DestinationAction::AcceptPreempt => {
                let link = destination.link.and_then(|link| self.links.get(link));
                assert!(link.is_some_and(|link| link.preempt), "the source opens the channel first");
            }
            DestinationAction::Discard { ranges, .. } => {
                if self.setup.mutation != Some(Mutation::KeepDiscardedPages) {
                    destination.discard(ranges);
                }
            }
            DestinationAction::Listen { length } => destination.listen(*length),
            DestinationAction::SendBitmap(_) => return Some(self.send_bitmap(vanishes)),
            DestinationAction::RepeatRequests => {
                for page in (0..PAGES).filter(|page| destination.waits[*page]).collect::<Vec<_>>() {
                    self.request(page);
                }
            }
            DestinationAction::Finish => {
                if !destination.is_whole() {
                    return Some(DestinationInput::Failed("pages are missing".to_owned()));
                }
                destination.places = false;
            }
            DestinationAction::Close => {
                if let Some(link) = destination.link.take() {
                    self.links[link].destination_open = false;
                }
            }
        }
        Some(DestinationInput::Done)
    }

    fn run_destination(&mut self) {
        let Some(destination) = &mut self.destination else { return };
        destination.runs = true;
        self.destination_ran = true;
        let loaded = (destination.pages, destination.devices);
        let mut sent = self.stopped.map(|guest| (guest.pages.map(Some), Some(guest.devices)));
        if let Some((pages, _)) = sent.as_mut().filter(|_| destination.places) {
            // Missing pages follow.
            pages.iter_mut().zip(loaded.0).for_each(|(sent, loaded)| *sent = sent.and(loaded.and(*sent)));
        }
        if Some(loaded) != sent {
            self.violation.get_or_insert_with(|| format!("the guest runs with {loaded:?} instead of {sent:?}"));
        }
    }

    fn read(&mut self) -> Option<DestinationInput> {
        let lost = DestinationInput::Lost("connection lost".to_owned());
        let destination = self.destination.as_mut()?;
        if let Some(message) = destination.package.pop_front() {
            destination.devices = message.devices.or(destination.devices);
            return Some(DestinationInput::Item(message.item));
        }
        let Some(link) = destination.link.and_then(|link| self.links.get_mut(link)) else { return Some(lost) };
        if destination.places && link.forward.front().is_some_and(|message| message.item == Item::Section) {
            return None;
        }
        let Some(message) = link.forward.pop_front() else { return link.is_lost_for_destination().then_some(lost) };
        for (page, content) in destination.pages.iter_mut().zip(message.pages) {
            *page = content.or(*page);
        }
        destination.devices = message.devices.or(destination.devices);
        Some(DestinationInput::Item(message.item))
    }

    /// Places the pages of a section.
    pub(super) fn destination_places(&mut self) -> Option<()> {
        let destination = self.destination.as_mut().filter(|destination| destination.places)?;
        let link = self.links.get_mut(destination.link?)?;
        let message = link.forward.pop_front_if(|message| message.item == Item::Section)?;
        let stopped = self.stopped?.pages;
        for (page, content) in message.pages.into_iter().enumerate() {
            let Some(content) = content else { continue };
            if destination.pages[page].replace(content).is_some() || content != stopped[page] {
                self.violation.get_or_insert_with(|| format!("page {page} is placed twice, or stale"));
            }
            destination.waits[page] = false;
        }
        Some(())
    }

    /// The guest accesses a missing page, which is requested.
    pub(super) fn guest_faults(&mut self, page: usize) -> Option<()> {
        let destination = self.destination.as_mut().filter(|destination| destination.may_fault(page))?;
        destination.page_faults -= 1;
        destination.waits[page] = true;
        self.request(page);
        Some(())
    }

    /// Requests a page. On a lost connection, the request follows on the next one.
    fn request(&mut self, page: usize) {
        let length = u32::try_from(PAGE).expect("a small page");
        let message = ReturnPathMessage::ReqPagesId { block: BLOCK.to_owned(), start: page as u64 * PAGE, length };
        let link = self.destination.as_ref().and_then(|destination| destination.link);
        if let Some(link) = link.and_then(|link| self.links.get_mut(link)) {
            let _ = link.answer(encoded(&message, None), false);
        }
    }

    fn send_bitmap(&mut self, vanishes: bool) -> DestinationInput {
        let Some(destination) = &self.destination else { return DestinationInput::Lost("dead".to_owned()) };
        let mut received = ReceivedBitmap::new(PAGES as u64);
        (0..PAGES).filter(|page| destination.pages[*page].is_some()).for_each(|page| received.insert(page as u64));
        let bytes = encoded(&ReturnPathMessage::RecvBitmap(BLOCK.to_owned()), Some(&received));
        let link = destination.link.and_then(|link| self.links.get_mut(link));
        let sent = link.map_or(Err("closed".to_owned()), |link| link.answer(bytes, vanishes));
        sent.map_or_else(DestinationInput::Lost, |()| DestinationInput::Done)
    }

    /// The machine rejects the stream, or cannot start.
    pub(super) fn destination_rejects(&mut self) -> Option<()> {
        let destination = self.destination.as_mut()?;
        let rejects = |action: &DestinationAction| {
            matches!(action, DestinationAction::Load | DestinationAction::Commit | DestinationAction::Run)
        };
        destination.action.take_if(|action| rejects(action))?;
        destination.engine.handle(self.now, DestinationInput::Failed("rejected".to_owned()));
        Some(())
    }

    pub(super) fn destination_times_out(&mut self) -> Option<()> {
        let destination = self.destination.as_mut()?;
        destination.engine.poll_timeout().filter(|_| self.setup.timeouts)?;
        destination.action.take_if(|action| is_waiting(action))?;
        destination.engine.handle(self.now, DestinationInput::Timeout);
        Some(())
    }
}

fn encoded(message: &ReturnPathMessage, bitmap: Option<&ReceivedBitmap>) -> Vec<u8> {
    let mut bytes = Writer::new();
    message.encode(&mut bytes);
    if let Some(bitmap) = bitmap {
        bitmap.encode(&mut bytes);
    }
    bytes.pending().to_vec()
}

impl DestinationProcess {
    /// Returns whether all pages have arrived.
    pub(super) fn is_whole(&self) -> bool {
        self.pages.iter().all(Option::is_some)
    }

    /// Returns whether the guest may access a page that is missing.
    pub(super) fn may_fault(&self, page: usize) -> bool {
        self.runs && self.page_faults > 0 && self.pages[page].is_none() && !self.waits[page]
    }

    fn discard(&mut self, ranges: &[DiscardRange]) {
        for range in ranges {
            let page = usize::try_from(range.start / PAGE).expect("a small guest");
            self.pages[page] = None;
        }
    }

    /// Takes the items of a package, of which only the devices are modelled.
    fn listen(&mut self, length: u32) {
        let devices = self.devices.take();
        let command = |command| Message::new(Item::Command(command));
        self.places = true;
        self.package = [
            command(Command::PostcopyListen),
            Message { devices, ..Message::new(Item::Section) },
            command(Command::Ping(3)),
            if length == RUNNING_PACKAGE { command(Command::PostcopyRun) } else { Message::new(Item::PackageEnd) },
        ]
        .into();
    }

    /// Executes a command, which ends the action that the destination waits in. Returns whether it was accepted.
    pub(super) fn command(&mut self, now: Instant, control: DestinationControl) -> bool {
        if self.engine.command(now, control).is_err() {
            return false;
        }
        if self.action.take_if(|action| is_waiting(action)).is_some() {
            self.engine.handle(now, DestinationInput::Timeout);
        }
        true
    }

    /// Returns whether the machine is loaded, and its source is gone.
    pub(super) fn is_disconnected(&self) -> bool {
        self.engine.status() == MigrationStatus::Loaded && self.link.is_none()
    }
}

fn is_waiting(action: &DestinationAction) -> bool {
    use DestinationAction::{Accept, AwaitClose, Load, ReadCommand};
    matches!(action, Accept | Load | ReadCommand | AwaitClose)
}
