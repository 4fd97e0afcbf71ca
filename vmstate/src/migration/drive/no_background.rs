//! The place of background snapshots on systems that cannot protect memory.

use vmstate_types::SaveError;

use super::host::HostMemory;
use crate::section::{Output, SentPages};

const REASON: &str = "it requires Linux and the feature `mapping` of the library";

/// The memory of a background snapshot, which is never saved.
#[derive(Debug)]
pub(super) struct Background;

#[cfg(feature = "control")]
pub(in crate::migration) fn probe() -> Result<(), String> {
    Err(REASON.to_owned())
}

impl Background {
    pub(super) fn new(_: HostMemory) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "other systems protect the memory")]
    pub(super) fn set_up(&mut self, _: &mut Output<'_>) -> Result<(), SaveError> {
        Err(SaveError::misuse(REASON))
    }

    #[expect(clippy::unused_self, reason = "other systems protect the memory")]
    pub(super) fn freeze(&self) -> Result<(), SaveError> {
        Err(SaveError::misuse(REASON))
    }

    #[expect(clippy::unused_self, reason = "other systems protect the memory")]
    pub(super) fn send(&mut self, _: &mut Output<'_>, _: u64) -> Result<(), SaveError> {
        Err(SaveError::misuse(REASON))
    }

    #[expect(clippy::unused_self, reason = "other systems protect the memory")]
    pub(super) fn remaining(&self) -> u64 {
        0
    }

    #[expect(clippy::unused_self, reason = "other systems protect the memory")]
    pub(super) fn sent_pages(&self) -> SentPages {
        SentPages::default()
    }

    #[expect(clippy::unused_self, reason = "other systems protect the memory")]
    pub(super) fn placed_bytes(&mut self) -> u64 {
        0
    }

    #[expect(clippy::unused_self, reason = "other systems protect the memory")]
    pub(super) fn end(&mut self) {}
}
