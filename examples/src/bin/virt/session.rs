//! A board in a terminal, until it ends or leaves.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use vmstate_examples::virt::place::Place;
use vmstate_examples::virt::{Board, Finish, Stop};

use crate::Outcome;
use crate::arguments::Departure;
use crate::pace::Pace;
use crate::terminal::{Event, Terminal};

/// How long to wait for keys while the board has nothing to do.
const PAUSE: Duration = Duration::from_millis(1);
/// How much later than now a guest may leave, in nanoseconds of its own time, so that an interrupt is pending then.
pub(crate) const NEXT_TICK: u64 = 1_000_000_000;

/// Runs the board until its guest ends the run, somebody quits, or it has left.
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
                    // It stays, then.
                    Err(error) => terminal.say(&format!("not sent to {place}: {error}")),
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

/// What a stop means for the run: nothing, if it is only that time is up.
pub(crate) fn ended(stop: Stop) -> Option<Outcome> {
    match stop {
        Stop::Time => None,
        Stop::Finished(Finish::Reset) => Some(Err("the guest wants to start again".into())),
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
