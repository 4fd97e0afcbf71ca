//! The configurations of the model.

use crate::migration::OnDoubt;

/// A rule of the protocol that is broken on purpose: the exploration must find the violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutation {
    /// The source resumes the guest by itself although RUN was sent.
    ResumeInDoubt,
    /// The destination runs the guest by itself when the connection is lost.
    RunWhenDisconnected,
    /// The destination discards the loaded machine when the connection is lost.
    DiscardWhenDisconnected,
    /// The pages that were written in the last pass are not sent.
    SkipLastSynchronization,
    /// The reasons of failures are not sent.
    OmitReasons,
    /// No timeout passes at the source.
    SourceWaitsForever,
    /// The guest is not resumed after a failure.
    StayStopped,
    /// A load that fails is not rolled back.
    KeepPartialLoad,
    /// The source resumes the guest by itself although it runs on the destination.
    ResumeWhenSplit,
    /// The destination keeps pages that the source has discarded.
    KeepDiscardedPages,
    /// Pages that were lost with a connection are not sent again.
    ForgetLostPages,
}

/// A configuration of the exploration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup {
    /// The destination uses this library's handshake.
    pub(super) handshake: bool,
    /// The most connections at a time.
    pub(super) links: usize,
    /// The number of writes of the guest.
    pub(super) writes: u8,
    /// The number of losses of a direction and of deaths.
    pub(super) faults: u8,
    /// Set if timeouts pass.
    pub(super) timeouts: bool,
    /// Set if operators resume the guest by force: if the peer is dead, or was seen stopped and
    /// disconnected.
    pub(super) force: bool,
    pub(super) on_doubt: OnDoubt,
    /// Postcopy may be started by command. Its number of page faults is limited by this.
    pub(super) postcopy: Option<u8>,
    /// Requested pages have a channel.
    pub(super) preempt: bool,
    pub(super) mutation: Option<Mutation>,
}
