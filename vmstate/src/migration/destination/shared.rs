//! The data that all states of a destination share.

use std::collections::VecDeque;

use super::{DestinationAction, DestinationConfig};
use crate::migration::status::{Event, MigrationStatus, Side, is_transition};
use crate::stream::{DestinationState, ReturnPathMessage};

#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) config: DestinationConfig,
    pub(super) actions: VecDeque<DestinationAction>,
    pub(super) busy: Option<DestinationAction>,
    pub(super) events: VecDeque<Event>,
    pub(super) status: MigrationStatus,
    /// Set when the source has opened the return path.
    pub(super) return_path: bool,
    /// Set when the source has offered the handshake, and this side has accepted it.
    pub(super) has_handshake: bool,
    /// The migration, if the source uses the handshake.
    pub(super) session: Option<u64>,
    /// The state that sources are told.
    pub(super) state: DestinationState,
    pub(super) error: Option<String>,
    /// Set when the source has announced that postcopy may follow.
    pub(super) is_advised: bool,
    /// Set when pages arrive independently of the actions.
    pub(super) is_postcopy: bool,
}

impl Shared {
    pub(super) fn new(config: DestinationConfig) -> Self {
        Self {
            config,
            actions: VecDeque::new(),
            busy: None,
            events: VecDeque::new(),
            status: MigrationStatus::None,
            return_path: false,
            has_handshake: false,
            session: None,
            state: DestinationState::Loading,
            error: None,
            is_advised: false,
            is_postcopy: false,
        }
    }

    pub(super) fn status(&self) -> MigrationStatus {
        self.status
    }

    pub(super) fn enter(&mut self, status: MigrationStatus) {
        debug_assert!(is_transition(Side::Destination, self.status, status, None), "{} to {status}", self.status);
        self.status = status;
        self.events.push_back(Event::Status(status));
    }

    pub(super) fn pong(&mut self, number: u32) {
        self.queue(DestinationAction::Answer(ReturnPathMessage::Pong(number)));
    }

    pub(super) fn queue(&mut self, action: DestinationAction) {
        self.actions.push_back(action);
    }

    pub(super) fn clear_queue(&mut self) {
        self.actions.clear();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.busy.is_none() && self.actions.is_empty()
    }

    pub(super) fn take_action(&mut self) -> Option<DestinationAction> {
        if self.busy.is_some() {
            return None;
        }
        self.busy = self.actions.pop_front();
        self.busy.clone()
    }

    pub(super) fn is_doing(&self, action: &DestinationAction) -> bool {
        self.busy.as_ref() == Some(action)
    }

    /// Changes the state that sources are told, and tells it a source that uses the handshake.
    pub(super) fn tell(&mut self, state: DestinationState) {
        self.state = state;
        if self.session.is_some() {
            self.answer_state();
        }
    }

    fn answer_state(&mut self) {
        let state = self.state;
        let reason = self.error.clone().filter(|_| state == DestinationState::Declined).unwrap_or_default();
        self.queue(DestinationAction::Answer(ReturnPathMessage::Status { state, reason }));
    }

    /// Tells the source that all pages have arrived.
    pub(super) fn tell_complete(&mut self) {
        match self.session {
            Some(_) => self.tell(DestinationState::Complete),
            None => self.queue(DestinationAction::Answer(ReturnPathMessage::Shut(0))),
        }
    }

    /// Gives the guest up for good: carries out `actions`, and reports the reason to the source.
    pub(super) fn give_up(&mut self, reason: String, actions: &[DestinationAction]) {
        self.error.get_or_insert(reason);
        self.actions.clear();
        self.actions.extend(actions.iter().cloned());
        self.decline();
    }

    /// Tells the source that the guest never runs on this side. A source that uses the handshake learns the reason, also
    /// before it has announced the migration.
    fn decline(&mut self) {
        self.state = DestinationState::Declined;
        if self.session.is_some() || self.has_handshake {
            self.answer_state();
        } else if self.return_path {
            // QEMU 7.2 just closes the connection here; 10.0 sends SHUT, too.
            self.queue(DestinationAction::Answer(ReturnPathMessage::Shut(1)));
        }
    }
}
