//! The beginning: the connection and the start of the stream.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use super::phase::{Next, Phase, Step};
use super::shared::Shared;
use super::{Signal, SourceAction};
use crate::migration::capability::Capability;
use crate::migration::parameter::Mode;
use crate::migration::protocol;
use crate::stream::Command;

/// Connecting to the destination.
#[derive(Debug, Clone)]
pub(super) struct Connecting;

impl Connecting {
    pub(super) fn begin(shared: &mut Shared) -> Self {
        // The destination creates its machine with this memory, and listens for the guest afterwards.
        if shared.config.parameters.mode == Mode::CprTransfer {
            shared.queue(SourceAction::HandOver);
        }
        shared.queue(SourceAction::Connect);
        Self
    }
}

impl Phase for Connecting {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(_) if shared.is_doing(&SourceAction::HandOver) => Continue(self),
            Signal::Done(_) => {
                shared.connected = true;
                Break(Next::Starting)
            }
            signal => self.handle_before_run(shared, now, signal),
        }
    }
}

/// Sending the header and the starts of the live sections.
#[derive(Debug, Clone)]
pub(super) struct Starting;

impl Starting {
    pub(super) fn begin(shared: &mut Shared, now: Instant) -> Self {
        if shared.config.guest_runs && shared.config.parameters.mode.stops_first() {
            shared.stop_guest(now);
        }
        let mut commands = Vec::new();
        if shared.config.has_return_path() {
            commands.extend([Command::OpenReturnPath, Command::Ping(protocol::PING_QEMU)]);
            if shared.config.handshake {
                commands.push(Command::Ping(protocol::offer(protocol::VERSION)));
            }
        }
        if shared.config.has(Capability::PostcopyRam) {
            commands.push(Command::PostcopyAdvise(Some(shared.config.advice())));
        }
        shared.queue(SourceAction::Begin { commands });
        // A QEMU 7.2 loads nothing before both channels are open (`migration_ioc_process_incoming` in
        // `migration/migration.c`).
        if shared.lacks_preempt() && shared.config.preempt_at_setup {
            shared.queue(SourceAction::ConnectPreempt);
        }
        Self
    }
}

impl Phase for Starting {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
            Signal::Done(_) if shared.is_doing(&SourceAction::Stop) => {
                shared.guest_has_stopped(now);
                Continue(self)
            }
            Signal::Done(_) if shared.is_doing(&SourceAction::ConnectPreempt) => {
                shared.has_preempt = true;
                Break(Next::Active)
            }
            Signal::Done(done) => {
                shared.count(now, done);
                shared.link.pinged(now);
                match shared.is_queued(&SourceAction::ConnectPreempt) {
                    true => Continue(self),
                    false => Break(Next::Active),
                }
            }
            signal => self.handle_before_run(shared, now, signal),
        }
    }
}
