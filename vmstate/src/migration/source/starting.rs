//! The beginning: the connection and the start of the stream.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use super::phase::{Next, Phase, Step};
use super::shared::Shared;
use super::{Signal, SourceAction};
use crate::migration::capability::Capability;
use crate::migration::protocol;
use crate::stream::Command;

/// Connecting to the destination.
#[derive(Debug, Clone)]
pub(super) struct Connecting;

impl Connecting {
    pub(super) fn begin(shared: &mut Shared) -> Self {
        shared.queue(SourceAction::Connect);
        Self
    }
}

impl Phase for Connecting {
    fn handle(self, shared: &mut Shared, now: Instant, signal: Signal) -> Step<Self> {
        match signal {
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
    pub(super) fn begin(shared: &mut Shared) -> Self {
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
