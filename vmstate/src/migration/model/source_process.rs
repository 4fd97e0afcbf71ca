//! The driver of a source in the model.

use std::time::Duration;

use super::link::{Link, Message};
use super::world::{LONG, Mutation, World};
use crate::migration::destination::Item;
use crate::migration::source::{Done, SourceAction, SourceControl, SourceInput};
use crate::stream::Command;

impl World {
    pub(super) fn source_acts(&mut self, vanishes: bool) -> Option<()> {
        let now = self.now;
        let action = self.source.as_mut()?.engine.poll_action(now)?;
        let broken = self.current_source_link().is_some_and(|link| !link.is_whole_forward());
        // After a failed write, the driver waits for the destination's reason.
        if broken && !vanishes && self.current_source_link().is_some_and(|link| !link.back.is_empty()) {
            return None;
        }
        let writes =
            !matches!(action, SourceAction::Connect | SourceAction::Close | SourceAction::Stop | SourceAction::Resume);
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
            SourceAction::Throttle(_) => {}
            other => return Err(format!("{other:?} is not modelled")),
        }
        let remaining = source.memory.remaining();
        for message in messages {
            let gives_away = match &message.item {
                Item::Command(Command::Run) => true,
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
