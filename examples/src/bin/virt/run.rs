//! `virt run`: the board in a terminal.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use vmstate_examples::virt::{Board, Finish, Stop};

use crate::Outcome;
use crate::pace::Pace;
use crate::terminal::{Event, Terminal};

/// How long the board runs before the terminal is looked at, in nanoseconds: shorter than anybody notices.
const SLICE: u64 = 2_000_000;
/// How long to wait for keys while the board has nothing to do.
const PAUSE: Duration = Duration::from_millis(1);

/// Runs the board until its guest ends the run, or somebody quits.
pub(crate) fn run(mut board: Board) -> Outcome {
    let mut terminal = Terminal::open()?;
    let mut pace = Pace::start(&mut board);
    let mut typed = Vec::new();
    loop {
        let now = pace.now(&board);
        let stop = board.run_until(now.min(board.nanoseconds() + SLICE));
        show(&board.take_output())?;
        match stop {
            Stop::Time => {}
            Stop::Finished(Finish::Reset) => return Err("the guest wants to start again".into()),
            Stop::Finished(Finish::Pass) => return Ok(ExitCode::SUCCESS),
            Stop::Finished(Finish::Fail(code)) => return Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))),
            Stop::Unsupported(unsupported) => return Err(unsupported.to_string().into()),
        }
        let pause = if board.nanoseconds() < now { Duration::ZERO } else { PAUSE };
        match terminal.next(pause) {
            Some(Event::Typed(bytes)) => typed.extend(bytes),
            Some(Event::Quit) => return Ok(ExitCode::SUCCESS),
            None => {}
        }
        let taken = board.type_in(&typed);
        typed.drain(..taken);
    }
}

fn show(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
