//! Random texts that distinguish snapshots and processes.

use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

/// Returns a random text of 32 hexadecimal digits.
pub(super) fn random() -> String {
    let (state, now) = (RandomState::new(), SystemTime::now());
    format!("{:016x}{:016x}", state.hash_one((now, 0)), state.hash_one((now, 1)))
}
