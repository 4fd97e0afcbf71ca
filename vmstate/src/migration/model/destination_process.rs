//! The driver of a destination in the model.

use std::time::Instant;

use vmstate_types::Writer;

use super::guest::Pages;
use super::link::Link;
use super::world::{DestinationProcess, Mutation, World};
use crate::migration::MigrationStatus;
use crate::migration::destination::{DestinationAction, DestinationControl, DestinationInput};

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
            DestinationAction::Advise(_)
            | DestinationAction::Discard { .. }
            | DestinationAction::Listen { .. }
            | DestinationAction::SendBitmap(_)
            | DestinationAction::RepeatRequests
            | DestinationAction::Finish => {
                return Some(DestinationInput::Failed(format!("{action:?} is not modelled")));
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
        let sent = self.stopped.map(|guest| (guest.pages.map(Some), Some(guest.devices)));
        if Some(loaded) != sent {
            self.violation.get_or_insert_with(|| format!("the guest runs with {loaded:?} instead of {sent:?}"));
        }
    }

    fn read(&mut self) -> Option<DestinationInput> {
        let lost = DestinationInput::Lost("connection lost".to_owned());
        let destination = self.destination.as_mut()?;
        let Some(link) = destination.link.and_then(|link| self.links.get_mut(link)) else { return Some(lost) };
        let Some(message) = link.forward.pop_front() else { return link.is_lost_for_destination().then_some(lost) };
        for (page, content) in destination.pages.iter_mut().zip(message.pages) {
            *page = content.or(*page);
        }
        destination.devices = message.devices.or(destination.devices);
        Some(DestinationInput::Item(message.item))
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

impl DestinationProcess {
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
