//! The configuration of a source.

use std::time::Duration;

use crate::memory::BlockLayout;
use crate::migration::capability::{Capabilities, Capability};
use crate::migration::parameter::{Mode, OnStall, Parameters};
use crate::migration::peer::MachineSwitches;
use crate::migration::release::QemuRelease;
use crate::migration::uri::Uri;
#[cfg(unix)]
use crate::ram::LeftOut;
use crate::stream::PostcopyAdvice;

/// The configuration of a [`Source`](super::Source).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SourceConfig {
    /// The capabilities.
    pub capabilities: Capabilities,
    /// The parameters.
    pub parameters: Parameters,
    /// The objects that `tls-creds` names.
    #[cfg(all(unix, feature = "tls"))]
    pub objects: crate::migration::tls::Objects,
    /// The release of QEMU whose states and rule the engine has.
    pub release: QemuRelease,
    /// The size of all memory.
    pub memory: u64,
    /// The target page size.
    pub page_size: u64,
    /// The blocks of memory. Postcopy requires them.
    pub blocks: Vec<BlockLayout>,
    /// A random number that identifies the migration.
    pub session: u64,
    /// Set if the guest runs at the start. A stopped guest stays stopped on both sides.
    pub guest_runs: bool,
    /// Set if the destination can answer: the transport has two directions.
    pub can_answer: bool,
    /// Offers this library's handshake. QEMU ignores the offer.
    pub handshake: bool,
    /// Sends a PING before the end of the stream to a QEMU, and waits until it has loaded the machine. Without it, the
    /// conversation is QEMU's, and the source cannot tell whether a destination has rejected a device or runs the guest.
    pub barrier: bool,
    /// Sends SWITCHOVER_START. QEMU 7.2 rejects it, so it depends on the machine type
    /// (`send-switchover-start`).
    pub switchover_start: bool,
    /// Waits for an approval that a destination sends although no device asks for it (`switchover-ack-legacy`).
    pub legacy_approval: bool,
    /// Synchronizes data channels at the end of each section (`multifd-flush-after-each-section`).
    pub multifd_section_flush: bool,
    /// Reports zero pages on the main channel even if `zero-page-detection` is `multifd`.
    pub multifd_legacy_zero: bool,
    /// Connects the channel for requested pages at the start, and ends it with a record (`x-preempt-pre-7-2`).
    pub preempt_at_setup: bool,
    /// The address to which the descriptors of all memory are sent first (mode `cpr-transfer`).
    pub descriptors: Option<Uri>,
    /// The time to save, send and load the devices, if it was measured.
    pub device_time: Option<Duration>,
    /// The reasons why the machine cannot be migrated.
    pub blockers: Vec<String>,
}

impl SourceConfig {
    /// Creates the configuration of a running guest with `memory` bytes, and a random number `session`.
    #[must_use]
    pub fn new(memory: u64, session: u64) -> Self {
        let switches = MachineSwitches::default();
        Self {
            capabilities: Capabilities::default(),
            parameters: Parameters::default(),
            #[cfg(all(unix, feature = "tls"))]
            objects: crate::migration::tls::Objects::new(),
            release: QemuRelease::default(),
            memory,
            page_size: 4096,
            blocks: Vec::new(),
            session,
            guest_runs: true,
            can_answer: true,
            handshake: true,
            barrier: true,
            switchover_start: switches.switchover_start,
            legacy_approval: switches.legacy_approval,
            multifd_section_flush: switches.multifd_section_flush,
            multifd_legacy_zero: switches.multifd_legacy_zero,
            preempt_at_setup: switches.preempt_at_setup,
            descriptors: None,
            device_time: None,
            blockers: Vec::new(),
        }
    }

    /// Sets the switches of a machine type, which keeps the conversation of older QEMUs.
    #[must_use]
    pub fn switches(self, switches: MachineSwitches) -> Self {
        Self {
            switchover_start: switches.switchover_start,
            legacy_approval: switches.legacy_approval,
            multifd_section_flush: switches.multifd_section_flush,
            multifd_legacy_zero: switches.multifd_legacy_zero,
            preempt_at_setup: switches.preempt_at_setup,
            ..self
        }
    }

    /// Returns whether the return path is opened.
    pub(super) fn has_return_path(&self) -> bool {
        // Postcopy needs no other capability (`migrate_start` in QEMU's `migration/migration.c`).
        self.can_answer && (self.has(Capability::ReturnPath) || self.has(Capability::PostcopyRam))
    }

    /// Returns the memory that is not sent.
    #[cfg(unix)]
    pub(crate) fn left_out(&self) -> LeftOut {
        match self.parameters.mode {
            Mode::CprTransfer => LeftOut::Everything,
            _ if self.has(Capability::XIgnoreShared) => LeftOut::SharedFiles,
            _ => LeftOut::Nothing,
        }
    }

    pub(super) fn has(&self, capability: Capability) -> bool {
        self.capabilities.has(capability)
    }

    /// Checks everything that can be known before the connection.
    pub(super) fn check(&self) -> Result<(), Rejected> {
        let mut reasons = self.blockers.clone();
        reasons.extend(self.capabilities.check(self.release).err().map(|conflict| conflict.to_string()));
        reasons.extend(self.parameters.check().err().map(|invalid| invalid.to_string()));
        reasons.extend(self.check_multifd());
        reasons.extend(self.postcopy_blocker());
        if reasons.is_empty() { Ok(()) } else { Err(Rejected { reasons }) }
    }
}

impl SourceConfig {
    /// Returns the reason why pages cannot be sent over data channels, if they are to be.
    fn check_multifd(&self) -> Option<String> {
        let compression = self.parameters.multifd_compression;
        let missing = self.has(Capability::Multifd) && !compression.is_supported();
        missing.then(|| format!("unsupported `multifd-compression`; build with the feature `{compression}`"))
    }

    /// Returns the reason why postcopy is impossible, if it may be used.
    fn postcopy_blocker(&self) -> Option<String> {
        if !self.has(Capability::PostcopyRam) {
            let wanted = self.parameters.on_stall == OnStall::Postcopy;
            return wanted.then(|| "`x-on-stall` = `postcopy` needs the capability `postcopy-ram`".to_owned());
        }
        (!self.can_answer).then(|| "`postcopy-ram` needs a destination that can answer; use a socket".to_owned())
    }

    /// Returns the page sizes, which the destination's must equal.
    pub(super) fn advice(&self) -> PostcopyAdvice {
        let summary = self.blocks.iter().fold(0, |sizes, block| sizes | block.host_page_size);
        PostcopyAdvice::new(summary, self.page_size)
    }
}

/// The reasons why a migration cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the migration cannot start: {}", reasons.join("; "))]
pub struct Rejected {
    reasons: Vec<String>,
}

impl Rejected {
    /// Returns the reasons.
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }
}
