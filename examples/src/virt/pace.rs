//! Synchronizes the board's time with the host's.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::board::{Board, Stop};

/// The longest time that the board's clock may lag. A slower host slows the board's clock down.
const MAX_LAG: Duration = Duration::from_millis(100);

/// The mapping from the host's time to the board's.
pub(super) struct Pace {
    /// A time on the host.
    instant: Instant,
    /// The board's time at `instant`.
    nanoseconds: u64,
}

impl Pace {
    /// Continues the board's time from now, and sets the board's date.
    pub(super) fn start(board: &mut Board) -> Self {
        let date = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanoseconds);
        let now = board.nanoseconds();
        board.bus.clock.world = date.wrapping_sub(now);
        Self { instant: Instant::now(), nanoseconds: now }
    }

    /// Runs the board for `slice` nanoseconds, but not beyond the host's time. Returns the reason why it stopped, and whether it
    /// has caught up with the host.
    pub(super) fn run(&mut self, board: &mut Board, slice: u64) -> (Stop, bool) {
        let now = self.now(board);
        let stop = board.run_until(now.min(board.nanoseconds() + slice));
        (stop, board.nanoseconds() >= now)
    }

    /// Returns the board's time that corresponds to now.
    fn now(&mut self, board: &Board) -> u64 {
        let now = self.nanoseconds.saturating_add(nanoseconds(self.instant.elapsed()));
        if now.saturating_sub(board.nanoseconds()) > nanoseconds(MAX_LAG) {
            *self = Self { instant: Instant::now(), nanoseconds: board.nanoseconds() };
            return self.nanoseconds;
        }
        now
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
