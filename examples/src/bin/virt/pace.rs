//! How the board's time follows the world's.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use vmstate_examples::virt::{Board, Stop};

/// How long the board runs before anything else is looked at, in nanoseconds: shorter than anybody notices.
const SLICE: u64 = 2_000_000;
/// How far the board may be behind the world. If it is slower, its time is.
const PATIENCE: Duration = Duration::from_millis(100);

/// The world's time, as the board sees it.
pub(crate) struct Pace {
    /// A moment of the world.
    instant: Instant,
    /// What the board's clock said then.
    nanoseconds: u64,
}

impl Pace {
    /// Lets the board's time go on from now, and tells the board what date it is.
    pub(crate) fn start(board: &mut Board) -> Self {
        let date = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanoseconds);
        let now = board.nanoseconds();
        board.bus.clock.world = date.wrapping_sub(now);
        Self { instant: Instant::now(), nanoseconds: now }
    }

    /// Runs the board for a while, but not into the future. Says why it stopped, and whether it is as late as it should
    /// be.
    pub(crate) fn run(&mut self, board: &mut Board) -> (Stop, bool) {
        let now = self.now(board);
        let stop = board.run_until(now.min(board.nanoseconds() + SLICE));
        (stop, board.nanoseconds() >= now)
    }

    /// What the board's clock should say now.
    fn now(&mut self, board: &Board) -> u64 {
        let now = self.nanoseconds.saturating_add(nanoseconds(self.instant.elapsed()));
        if now.saturating_sub(board.nanoseconds()) > nanoseconds(PATIENCE) {
            *self = Self { instant: Instant::now(), nanoseconds: board.nanoseconds() };
            return self.nanoseconds;
        }
        now
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
