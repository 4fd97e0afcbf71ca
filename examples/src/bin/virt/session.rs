//! Runs a board in the terminal until its guest ends or is migrated.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vmstate_examples::virt::place::Place;
use vmstate_examples::virt::{Board, Finish, Stop};

use crate::Outcome;
use crate::arguments::Departure;
use crate::dirty_rate::DirtyRate;
use crate::terminal::{Event, Terminal};
use crate::vcpu::Vcpu;

/// The time to wait for keys between checks of the guest's output.
const PAUSE: Duration = Duration::from_millis(1);
/// The time in nanoseconds that a migration may be delayed until a timer interrupt is pending. See
/// `Board::run_to_tick`.
pub(crate) const NEXT_TICK: u64 = 1_000_000_000;

/// Runs the board until its guest ends, the user quits, or the guest is migrated.
pub(crate) fn run(board: Board, leaving: Option<(Place, Departure)>) -> Outcome {
    Session::new(board, leaving)?.run()
}

/// Runs the board as [`run`] does, and reports once a second which part of the memory the guest writes.
pub(crate) fn run_with_dirty_rate(board: Board) -> Outcome {
    let (rate, missing) = DirtyRate::start(&board)?;
    let mut session = Session::new(board, None)?;
    missing.iter().for_each(|error| session.terminal.report(&format!("log not available: {error}")));
    session.rate = Some(rate);
    session.run()
}

/// A terminal with a board.
struct Session {
    vcpu: Vcpu,
    terminal: Terminal,
    leaving: Option<Arc<(Place, Departure)>>,
    /// The time after which the guest leaves without a key.
    delay: Option<Duration>,
    start: Instant,
    rate: Option<DirtyRate>,
}

impl Session {
    fn new(board: Board, leaving: Option<(Place, Departure)>) -> Outcome<Self> {
        let terminal = Terminal::open(leaving.is_some())?;
        let delay = leaving.as_ref().and_then(|(_, when)| when.delay());
        let leaving = leaving.map(Arc::new);
        Ok(Self { vcpu: Vcpu::start(board), terminal, leaving, delay, start: Instant::now(), rate: None })
    }

    fn run(mut self) -> Outcome {
        loop {
            while let Some(progress) = self.vcpu.progress() {
                show(&progress.output)?;
                if let Some(outcome) = ended(progress.stop) {
                    return outcome;
                }
            }
            if let Some(report) = self.rate.as_mut().map_or(Ok(None), DirtyRate::report)? {
                self.terminal.report(&report);
            }
            if let Some(status) = self.next_event() {
                return Ok(status);
            }
        }
    }

    /// Handles a key or the end of the delay. Returns the exit status if the session ends.
    fn next_event(&mut self) -> Option<ExitCode> {
        let due = self.delay.take_if(|delay| self.start.elapsed() >= *delay).map(|_| Event::Leave);
        match due.or_else(|| self.terminal.next(PAUSE))? {
            Event::Typed(bytes) => {
                self.vcpu.type_in(bytes);
                None
            }
            Event::Quit => Some(ExitCode::SUCCESS),
            Event::Leave => self.leave(),
        }
    }

    fn leave(&self) -> Option<ExitCode> {
        let leaving = self.leaving.clone()?;
        let sent =
            self.vcpu.leave(move |board| leave(board, &leaving.0, &leaving.1).map_err(|error| error.to_string()));
        let place = &self.leaving.as_ref()?.0;
        match sent? {
            Ok(()) => Some(ExitCode::SUCCESS),
            // After a failed migration the guest continues here.
            Err(error) => {
                self.terminal.report(&format!("cannot send to {place}: {error}"));
                None
            }
        }
    }
}

fn leave(board: &mut Board, place: &Place, when: &Departure) -> Outcome<()> {
    board.run_to_tick(NEXT_TICK);
    show(&board.take_output())?;
    let start = Instant::now();
    let saved = board.send(place, when.release())?;
    eprintln!("sent to {place}: {} bytes in {:.1} ms", saved.bytes, start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

/// Returns the outcome of the run, or `None` if only the time slice has ended.
pub(crate) fn ended(stop: Stop) -> Option<Outcome> {
    match stop {
        Stop::Time => None,
        Stop::Finished(Finish::Reset) => Some(Err("the guest requested a reset".into())),
        Stop::Finished(Finish::Pass) => Some(Ok(ExitCode::SUCCESS)),
        Stop::Finished(Finish::Fail(code)) => Some(Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))),
        Stop::Unsupported(unsupported) => Some(Err(unsupported.to_string().into())),
    }
}

fn show(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
