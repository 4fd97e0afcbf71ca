//! The data that an engine and its driver exchange: actions and their results, inputs and commands.

use crate::migration::parameter::Parameters;
use crate::migration::policy::DirtyLimit;
use crate::ram::PageRequest;
use crate::ram::xbzrle::Counters;
use crate::section::SentPages;
use crate::stream::{Command, ReceivedBitmap};

/// A step that the driver carries out. It reports the result as [`SourceInput::Done`] or [`SourceInput::Failed`] before it asks for
/// the next action.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceAction {
    /// Open the channel to the destination.
    Connect,
    /// Begin the stream: the header, the configuration, these commands, and the starts of the live sections. With the
    /// capability `background-snapshot`, protect the memory before.
    Begin {
        /// The commands between the configuration and the first section.
        commands: Vec<Command>,
    },
    /// Write a command.
    Send(Command),
    /// Send a part of each live section, of about `budget` bytes.
    Iterate {
        /// The number of bytes.
        budget: u64,
    },
    /// Synchronize the dirty log.
    Synchronize,
    /// Throttle the guest by this percentage of its time; 0 ends it.
    Throttle(u8),
    /// Limit the rate at which each vCPU writes memory, with the capability `dirty-limit`; `None` ends it.
    LimitWrites(Option<DirtyLimit>),
    /// Stop the guest: no vCPU runs and no device writes memory afterwards.
    Stop,
    /// Send the descriptors of all memory on a separate connection, and wait until the destination has them. Belongs to the
    /// mode `cpr-transfer`.
    HandOver,
    /// Save the devices in memory, to send them at the [end](Self::End), and fix the memory to send: its content of this
    /// moment. Belongs to the capability `background-snapshot`.
    Capture,
    /// Send the ends of the live sections: all memory that is left.
    CompleteLive,
    /// Send the devices.
    Devices,
    /// Send the end of the stream and the description.
    End,
    /// Synchronize the dirty log for the last time, and send the commands that discard all pages which are left.
    Discard,
    /// Send the devices as a package.
    Package {
        /// Set if the package lets the guest run.
        run: bool,
    },
    /// Open the channel for requested pages, with the capability `postcopy-preempt`.
    ConnectPreempt,
    /// Send pages that the destination waits for: over their channel, if it is open.
    Serve(Vec<PageRequest>),
    /// Send the end of a stream whose pages were sent while the guest ran on the destination.
    EndPostcopy,
    /// Send all pages of a block again that the destination has not received.
    Restore {
        /// The name of the block.
        block: String,
        /// The pages that have arrived.
        received: ReceivedBitmap,
    },
    /// Close the channel. The session is aborted unless [`Source::is_split`](super::Source::is_split): it continues on another connection.
    Close,
    /// Resume the guest.
    Resume,
}

/// The result of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Done {
    /// The bytes that the action has written.
    pub bytes: u64,
    /// The bytes of memory that are left to send.
    pub remaining: u64,
    /// The pages that were sent since the start.
    pub pages: SentPages,
    /// The pages that were sent as changes since the start, with the capability `xbzrle`.
    pub xbzrle: Option<Counters>,
    /// The bytes that data channels have sent since the start (`multifd`). [`bytes`](Self::bytes) includes them.
    pub multifd: u64,
    /// Set if the guest was stopped during the action, also if the engine has not stopped it. Statistics distinguish it.
    pub guest_stopped: bool,
}

impl Done {
    /// Creates the result of an action that has written `bytes` and left `remaining` bytes of memory to send.
    #[must_use]
    pub fn new(bytes: u64, remaining: u64) -> Self {
        Self { bytes, remaining, ..Self::default() }
    }

    /// Sets the number of pages that were sent since the start.
    #[must_use]
    pub fn pages(mut self, pages: SentPages) -> Self {
        self.pages = pages;
        self
    }

    /// Sets the number of bytes that data channels have sent since the start.
    #[must_use]
    pub fn multifd(mut self, bytes: u64) -> Self {
        self.multifd = bytes;
        self
    }

    /// Sets whether the guest was stopped during the action.
    #[must_use]
    pub fn guest_stopped(mut self, stopped: bool) -> Self {
        self.guest_stopped = stopped;
        self
    }

    /// Sets the number of pages that were sent as changes since the start.
    #[must_use]
    pub fn xbzrle(mut self, counters: Option<Counters>) -> Self {
        self.xbzrle = counters;
        self
    }
}

/// An input of the engine.
#[derive(Debug)]
#[non_exhaustive]
pub enum SourceInput<'i> {
    /// The action has succeeded.
    Done(Done),
    /// The action has failed.
    Failed(String),
    /// Bytes of the return path have arrived.
    Received(&'i [u8]),
    /// The return path has ended or failed.
    Lost(String),
    /// The time of [`Source::poll_timeout`](super::Source::poll_timeout) has come.
    Timeout,
}

impl<'i> SourceInput<'i> {
    /// Returns the input for bytes that were read from the connection. None are its end.
    #[must_use]
    pub fn read(bytes: &'i [u8]) -> Self {
        match bytes {
            [] => Self::Lost("the destination has closed the connection".to_owned()),
            bytes => Self::Received(bytes),
        }
    }
}

/// A command of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceControl {
    /// Cancel the migration. The guest continues on this side, unless the destination may have it.
    Cancel,
    /// Continue after [`MigrationStatus::PreSwitchover`](crate::migration::MigrationStatus::PreSwitchover).
    Continue,
    /// Let the guest run on the destination before all pages have arrived. Requires the capability `postcopy-ram`.
    StartPostcopy,
    /// Change the parameters.
    Set(Box<Parameters>),
    /// Connect to the destination again, and ask for its state.
    Recover,
    /// Resume the guest although the destination may run it. The caller asserts that the destination is dead, or that it
    /// was seen stopped.
    ForceRun,
    /// Leave the guest to the destination, which was seen running.
    Abandon,
}

impl SourceControl {
    /// Returns the name of QEMU's command, or of the extension.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Cancel => "migrate_cancel",
            Self::Continue => "migrate-continue",
            Self::StartPostcopy => "migrate-start-postcopy",
            Self::Set(_) => "migrate-set-parameters",
            Self::Recover => "migrate-recover",
            Self::ForceRun => "x-force-run",
            Self::Abandon => "x-abandon",
        }
    }
}
