//! Runs a board in the terminal until its guest ends or is migrated.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use vmstate_examples::virt::place::Place;
use vmstate_examples::virt::{Board, Finish, Stop};

use crate::Outcome;
use crate::arguments::Departure;
use crate::pace::Pace;
use crate::terminal::{Event, Terminal};

/// The time to wait for keys while the board is idle.
const PAUSE: Duration = Duration::from_millis(1);
/// The time in nanoseconds that a migration may be delayed until a timer interrupt is pending. See
/// `Board::run_to_tick`.
pub(crate) const NEXT_TICK: u64 = 1_000_000_000;

/// Runs the board until its guest ends, the user quits, or the guest is migrated.
pub(crate) fn run(mut board: Board, leaving: Option<&(Place, Departure)>) -> Outcome {
    let mut terminal = Terminal::open(leaving.is_some())?;
    let mut pace = Pace::start(&mut board);
    let mut typed = Vec::new();
    let start = Instant::now();
    let mut delay = leaving.and_then(|(_, when)| when.delay());
    loop {
        let (stop, ahead) = pace.run(&mut board);
        show(&board.take_output())?;
        if let Some(outcome) = ended(stop) {
            return outcome;
        }
        let due = delay.take_if(|delay| start.elapsed() >= *delay).map(|_| Event::Leave);
        match due.or_else(|| terminal.next(if ahead { PAUSE } else { Duration::ZERO })) {
            Some(Event::Typed(bytes)) => typed.extend(bytes),
            Some(Event::Quit) => return Ok(ExitCode::SUCCESS),
            Some(Event::Leave) => {
                let Some((place, when)) = leaving else { continue };
                match leave(&mut board, place, when) {
                    Ok(()) => return Ok(ExitCode::SUCCESS),
                    // After a failed migration the guest continues here.
                    Err(error) => terminal.report(&format!("cannot send to {place}: {error}")),
                }
                pace = Pace::start(&mut board);
            }
            None => {}
        }
        let taken = board.type_in(&typed);
        typed.drain(..taken);
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
