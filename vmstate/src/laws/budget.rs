//! Bounds on the work of a law.
//!
//! A law loads each state many times, so its time grows with the square of the payload. The bounds are numbers of bytes
//! and not times, so that the same states are tested in each run.

/// The highest number of states for each law.
const STATES: usize = 48;
/// The lowest number of states.
const FEW_STATES: usize = 4;
/// The highest number of corrupted positions in the payload of a state.
const PLACES: usize = 256;
/// The highest number of bytes that a law loads: about a second in a debug build.
const BYTES: usize = 2 << 20;

/// The number of states that a law tests if it loads each payload of `length` bytes `loads` times.
pub(super) fn states(length: usize, loads: usize) -> u64 {
    let bytes = length.saturating_mul(loads).max(1);
    (BYTES / bytes).clamp(FEW_STATES, STATES) as u64
}

/// The number of positions or fields in each of `states` payloads of `length` bytes, if each is loaded `loads` times.
pub(super) fn places(length: usize, states: u64, loads: usize) -> usize {
    let states = usize::try_from(states).unwrap_or(usize::MAX);
    let bytes = length.saturating_mul(states).saturating_mul(loads).max(1);
    (BYTES / bytes).clamp(1, PLACES)
}

/// Selects about `count` of `length` indices, evenly distributed. Each `seed` selects others.
pub(super) fn selection(length: usize, count: usize, seed: u64) -> impl Iterator<Item = usize> {
    let step = length.div_ceil(count.max(1)).max(1);
    let first = usize::try_from(seed).unwrap_or(0) % step;
    (first..length).step_by(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_payload_is_tested_everywhere() {
        assert_eq!((states(24, 6), places(24, 48, 4)), (48, 256));
        assert_eq!(selection(24, 256, 7).count(), 24);
    }

    #[test]
    fn work_on_large_payload_is_bounded() {
        for length in [1 << 10, 1 << 14, 1 << 17] {
            let states = states(length, 6);
            let loads = places(length, states, 4) * 4 * usize::try_from(states).unwrap();
            assert!(loads * length <= BYTES.max(16 * length), "{length}: {loads} loads");
        }
    }

    #[test]
    fn seeds_select_different_places() {
        let all: std::collections::BTreeSet<_> = (0..8).flat_map(|seed| selection(1000, 125, seed)).collect();
        assert_eq!(all.len(), 1000);
    }
}
