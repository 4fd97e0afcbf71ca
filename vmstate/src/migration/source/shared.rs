//! The data that all states of a source share: queues, statistics and the return path.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::config::SourceConfig;
use super::link::Link;
use super::requests::Requests;
use super::retries::Retries;
use super::traffic::{Traffic, Transfer};
use super::xbzrle::Encoded;
use super::{Done, SourceAction};
use crate::migration::capability::Capability;
use crate::migration::policy::{Goal, History, Throttle, WriteLimit, is_stalled, predict};
use crate::migration::protocol;
use crate::migration::release::QemuRelease;
use crate::migration::status::{
    DowntimeParts, Event, MigrationStatus, Prediction, RamStatistics, Side, Statistics, is_transition,
};

/// The action that is being carried out.
#[derive(Debug, Clone)]
pub(super) struct Busy {
    pub(super) action: SourceAction,
    pub(super) since: Instant,
}

#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) config: SourceConfig,
    pub(super) started: Instant,
    actions: VecDeque<SourceAction>,
    pub(super) busy: Option<Busy>,
    pub(super) events: VecDeque<Event>,
    status: MigrationStatus,
    pub(super) link: Link,
    pub(super) history: History,
    pub(super) throttle: Throttle,
    pub(super) write_limit: WriteLimit,
    /// The number of synchronizations, which is the number of the pass.
    syncs: u64,
    pub(super) traffic: Traffic,
    /// Set while the passes do not get smaller, which was reported.
    stalled: bool,
    encoded: Encoded,
    pub(super) times: Times,
    pub(super) predicted: Option<Prediction>,
    pub(super) error: Option<String>,
    /// Set when the engine has stopped the guest.
    pub(super) guest_stopped: bool,
    /// Set while the guest is stopped for another reason, such as a command.
    pub(super) is_paused: bool,
    /// Set while the channel is open.
    pub(super) connected: bool,
    /// Set when a command or the policy wants the guest to run on the destination before all pages have arrived.
    pub(super) wants_postcopy: bool,
    /// Set when the switchover to postcopy has begun.
    pub(super) is_postcopy: bool,
    /// Set when the destination runs the guest, or may run it, without all pages.
    pub(super) is_split: bool,
    /// Set when the channel for requested pages was opened.
    pub(super) has_preempt: bool,
    pub(super) requests: Requests,
    pub(super) retries: Retries,
}

/// Moments of a migration, since its start.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Times {
    pub(super) active: Option<Duration>,
    pub(super) stopping: Option<Duration>,
    pub(super) stopped: Option<Duration>,
    pub(super) continued: Option<Duration>,
    pub(super) memory_sent: Option<Duration>,
    pub(super) ended: Option<Duration>,
    /// The guest may run on the destination, before its pages have arrived.
    pub(super) split: Option<Duration>,
    /// The guest of a background snapshot has continued.
    pub(super) released: Option<Duration>,
    pub(super) finished: Option<Duration>,
}

impl Shared {
    pub(super) fn new(config: SourceConfig, now: Instant) -> Self {
        let last_ping = if config.handshake { protocol::offer(protocol::VERSION) } else { protocol::PING_QEMU };
        Self {
            link: Link::new(config.has_return_path(), last_ping, &config.blocks, config.page_size),
            history: History::new(config.memory, config.device_time),
            config,
            started: now,
            actions: VecDeque::new(),
            busy: None,
            events: VecDeque::new(),
            status: MigrationStatus::None,
            throttle: Throttle::default(),
            write_limit: WriteLimit::default(),
            syncs: 0,
            traffic: Traffic::default(),
            stalled: false,
            encoded: Encoded::default(),
            times: Times::default(),
            predicted: None,
            error: None,
            guest_stopped: false,
            is_paused: false,
            connected: false,
            wants_postcopy: false,
            is_postcopy: false,
            is_split: false,
            has_preempt: false,
            requests: Requests::default(),
            retries: Retries::default(),
        }
    }

    pub(super) fn status(&self) -> MigrationStatus {
        self.status
    }

    /// Returns the time since the start.
    pub(super) fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }

    pub(super) fn goal(&self) -> Goal {
        Goal::new(&self.config.parameters, self.config.release)
    }

    /// Changes the state. States that the configured release does not have are skipped.
    pub(super) fn enter(&mut self, status: MigrationStatus) {
        use MigrationStatus::{Device, Failing, PostcopyRecoverSetup};
        let optional = matches!(status, Failing | Device | PostcopyRecoverSetup);
        let exists = is_transition(Side::Source, self.status, status, Some(self.config.release));
        debug_assert!(is_transition(Side::Source, self.status, status, None), "{} to {status}", self.status);
        if exists || !optional {
            self.status = status;
            self.events.push_back(Event::Status(status));
        }
    }

    pub(super) fn queue(&mut self, action: SourceAction) {
        self.actions.push_back(action);
    }

    /// Forgets the actions that have not begun.
    pub(super) fn clear_queue(&mut self) {
        self.actions.clear();
    }

    /// Returns whether the channel for requested pages must be opened before postcopy.
    pub(super) fn lacks_preempt(&self) -> bool {
        self.config.has(Capability::PostcopyPreempt) && !self.has_preempt
    }

    /// Returns whether no action is queued or being carried out.
    pub(super) fn is_idle(&self) -> bool {
        self.busy.is_none() && self.actions.is_empty()
    }

    /// Hands the next action out.
    pub(super) fn take_action(&mut self, now: Instant) -> Option<SourceAction> {
        if self.busy.is_some() {
            return None;
        }
        let action = self.actions.pop_front()?;
        self.busy = Some(Busy { action: action.clone(), since: now });
        Some(action)
    }

    /// Returns whether `action` has not begun yet.
    pub(super) fn is_queued(&self, action: &SourceAction) -> bool {
        self.actions.contains(action)
    }

    /// Returns whether the action that is being carried out is `action`.
    pub(super) fn is_doing(&self, action: &SourceAction) -> bool {
        self.busy.as_ref().is_some_and(|busy| busy.action == *action)
    }

    /// Counts the bytes of an action.
    pub(super) fn count(&mut self, now: Instant, done: Done) {
        self.traffic.count(done);
        let Some(busy) = &self.busy else { return };
        if let Some(counters) = done.xbzrle {
            self.encoded.count(counters);
        }
        use SourceAction::{CompleteLive, Iterate, Serve};
        if matches!(busy.action, Iterate { .. } | CompleteLive | Serve(_)) {
            let memory = self.history.remaining().saturating_sub(done.remaining);
            // Changes are much smaller than the memory that is left.
            let speed = if self.encoded.is_used() { done.bytes.max(memory) } else { done.bytes };
            self.history.sent(memory, speed, now.saturating_duration_since(busy.since));
            let stopped = self.guest_stopped || self.is_paused || !self.config.guest_runs;
            let transfer = match (self.is_split, stopped) {
                (true, _) => Transfer::Postcopy,
                (false, true) => Transfer::Downtime,
                (false, false) => Transfer::Precopy,
            };
            self.traffic.count_memory(transfer, done.bytes);
        }
    }

    /// Sends the pages that the destination waits for. Returns whether there are any.
    pub(super) fn serve(&mut self) -> bool {
        let is_needed = !self.requests.is_empty();
        if is_needed {
            let requests = self.requests.take();
            self.queue(SourceAction::Serve(requests));
        }
        is_needed
    }

    /// Records a synchronization of the dirty log, and emits the event of the new pass.
    pub(super) fn synchronized(&mut self, now: Instant, remaining: u64) {
        let at = self.elapsed(now);
        let dirtied = remaining.saturating_sub(self.history.remaining());
        self.history.synchronized(at, dirtied);
        self.traffic.begin_pass(at, dirtied / self.config.page_size.max(1));
        self.encoded.measure(at, self.traffic.pages(), self.config.page_size);
        let is_last = self.times.stopped.is_some();
        if !is_last || self.config.release.behavior().counts_outer_passes {
            self.syncs += 1;
            self.announce_pass();
        }
    }

    fn announce_pass(&mut self) {
        let (number, remaining) = (self.syncs, self.history.remaining());
        let expected = predict(&self.goal(), &self.history);
        self.events.push_back(Event::Pass { number, remaining, expected });
    }

    /// Reports once that the passes do not get smaller.
    pub(super) fn report_stall(&mut self) {
        let stalled = is_stalled(&self.goal(), &self.history);
        if stalled && !self.stalled {
            let expected = predict(&self.goal(), &self.history);
            self.events.push_back(Event::Stalled { expected });
        }
        self.stalled = stalled;
    }

    /// Returns whether the rate at which vCPUs write memory is limited.
    pub(super) fn limits_writes(&self) -> bool {
        self.write_limit.limit().is_some() && !self.status.is_final()
    }

    /// Slows the guest down, if a capability allows it and the guest writes too fast.
    pub(super) fn slow_down(&mut self, now: Instant, dirtied: u64, sent: u64) {
        let (at, parameters) = (self.elapsed(now), &self.config.parameters);
        if self.config.has(Capability::AutoConverge) {
            if let Some(percent) = self.throttle.synchronized(parameters, at, dirtied, sent) {
                self.queue(SourceAction::Throttle(percent));
                self.events.push_back(Event::Throttled(percent));
            }
        } else if self.config.has(Capability::DirtyLimit)
            && let Some(limit) = self.write_limit.synchronized(parameters, at, dirtied, sent)
        {
            self.queue(SourceAction::LimitWrites(Some(limit)));
            self.events.push_back(Event::WritesLimited(limit.rate));
        }
    }

    /// Records the first pass, which sends all memory.
    pub(super) fn begin_first_pass(&mut self) {
        self.syncs = 1;
        if self.config.release.behavior().counts_outer_passes {
            self.announce_pass();
        }
    }

    /// Records the pass of a background snapshot, during which no page changes. QEMU 11.1 counts it.
    pub(super) fn begin_only_pass(&mut self) {
        self.syncs = u64::from(!self.config.release.behavior().counts_outer_passes);
    }

    /// Records the end of a slice.
    pub(super) fn slice_ended(&mut self, bytes: u64, duration: Duration) {
        self.history.slice_ended(bytes, duration);
        self.traffic.slice_ended(bytes, duration, self.config.page_size);
    }

    /// Returns the data that decide about the future, as a text.
    #[cfg(test)]
    pub(super) fn key(&self) -> String {
        let busy = self.busy.as_ref().map(|busy| &busy.action);
        let history = (self.history.remaining(), self.history.is_exact(), self.history.bandwidth().is_some());
        let flags = (self.guest_stopped, self.is_paused, self.connected, self.error.is_some());
        let postcopy =
            (self.wants_postcopy, self.is_postcopy, self.is_split, self.requests.is_empty(), self.has_preempt);
        format!("{:?}", (&self.actions, busy, self.status, self.link.key(), history, flags, postcopy))
    }

    pub(super) fn statistics(&self, now: Instant) -> Statistics {
        let active = self.times.active;
        let total_time = self.times.finished.unwrap_or_else(|| self.elapsed(now));
        let has_downtime = self.status == MigrationStatus::Completed || self.shows_downtime_of_postcopy();
        Statistics {
            status: self.status,
            setup_time: active,
            total_time: active.map(|_| total_time),
            expected_downtime: active
                .filter(|_| !self.status.is_final() && !has_downtime)
                .map(|_| self.predicted.unwrap_or_else(|| predict(&self.goal(), &self.history)).total()),
            downtime: self.downtime().or(Some(Duration::ZERO)).filter(|_| has_downtime),
            error: self.error.clone(),
            throttle: self.throttle.percent().filter(|_| !self.status.is_final()),
            // The driver knows it.
            dirty_limit: None,
            ram: active.map(|_| self.ram_statistics(total_time)),
            xbzrle: active
                .filter(|_| self.config.has(Capability::Xbzrle))
                .map(|_| self.encoded.statistics(self.config.parameters.xbzrle_cache_size)),
            predicted: self.predicted,
            parts: self.parts(),
            blocktime: None,
            socket_address: None,
        }
    }

    /// Returns whether the guest runs on the destination, and the release reports its downtime then (`migrate_show_downtime` in
    /// QEMU's `migration/migration.c`).
    fn shows_downtime_of_postcopy(&self) -> bool {
        use MigrationStatus::{PostcopyActive, PostcopyDevice, PostcopyPaused, PostcopyRecover, PostcopyRecoverSetup};
        let states = [PostcopyDevice, PostcopyActive, PostcopyPaused, PostcopyRecoverSetup, PostcopyRecover];
        self.config.release >= QemuRelease::V10_0 && states.contains(&self.status)
    }

    /// Returns the time from the decision to stop the guest to the end.
    pub(super) fn downtime(&self) -> Option<Duration> {
        let Times { split, released, finished, .. } = self.times;
        let end = released.or(split).or(finished)?;
        Some(end.saturating_sub(self.times.stopping?))
    }

    fn parts(&self) -> Option<DowntimeParts> {
        let Times { stopping, stopped, continued, memory_sent, ended, split, finished, .. } = self.times;
        Some(DowntimeParts {
            stop: stopped?.saturating_sub(stopping?),
            pause: continued?.saturating_sub(stopped?),
            memory: memory_sent?.saturating_sub(continued?),
            devices: ended?.saturating_sub(memory_sent?),
            handshake: split.or(finished)?.saturating_sub(ended?),
        })
    }

    fn ram_statistics(&self, total_time: Duration) -> RamStatistics {
        let sending = total_time.saturating_sub(self.times.active.unwrap_or_default());
        RamStatistics {
            total: self.config.memory,
            remaining: self.history.remaining(),
            dirty_sync_count: self.syncs,
            page_size: self.config.page_size,
            postcopy_requests: self.requests.count,
            ..self.traffic.statistics(self.status.is_final().then_some(sending))
        }
    }
}
