//! `virt station`: runs a board that is controlled line by line on standard input and output.
//!
//! | command | answer |
//! |---|---|
//! | `start` | `started`: the guest has started |
//! | `receive URI` | `waiting`, and later `received MICROSECONDS`: the time when the guest resumed |
//! | `send URI` | `sent BYTES MICROSECONDS TIME`: the time when the guest stopped, and the total time |
//! | `verify` | `verdict TEXT`: the guest's verification of itself |
//!
//! A failed command answers `failed REASON`, and the guest continues. Times are in microseconds since 1970.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use vmstate::schema::Release;
use vmstate_examples::virt::Board;
use vmstate_examples::virt::place::Place;

use crate::Outcome;
use crate::arguments::HASHER;
use crate::pace::Pace;
use crate::session::{NEXT_TICK, ended};

const MEMORY: usize = 16 << 20;

/// A board, possibly with a running guest.
struct Station {
    board: Board,
    pace: Option<Pace>,
    /// The guest's output since the last command.
    printed: String,
}

/// Executes commands until standard input is closed.
pub(crate) fn run() -> Outcome {
    let commands = read_commands();
    let mut station = Station { board: Board::new(MEMORY), pace: None, printed: String::new() };
    loop {
        match commands.recv_timeout(Duration::from_millis(1)) {
            Ok(command) => match station.execute(&command) {
                Ok(answer) => print(&answer)?,
                Err(error) => print(&format!("failed {error}"))?,
            },
            Err(RecvTimeoutError::Timeout) => station.run_guest()?,
            Err(RecvTimeoutError::Disconnected) => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// Reads lines from standard input on a thread, so that the guest can run meanwhile.
fn read_commands() -> Receiver<String> {
    let (sender, commands) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    commands
}

fn print(answer: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()
}

impl Station {
    fn execute(&mut self, command: &str) -> Outcome<String> {
        match command.split_once(' ').unwrap_or((command, "")) {
            ("start", _) => self.start(),
            ("receive", uri) => self.receive(&uri.parse()?),
            ("send", uri) => self.send(&uri.parse()?),
            ("verify", _) => self.verify(),
            _ => Err(format!("unknown command `{command}`").into()),
        }
    }

    /// Runs the guest, if any, until now.
    fn run_guest(&mut self) -> Outcome<()> {
        let Some(pace) = &mut self.pace else { return Ok(()) };
        let (stop, _) = pace.run(&mut self.board);
        self.printed += &String::from_utf8_lossy(&self.board.take_output());
        match ended(stop) {
            None => Ok(()),
            Some(Ok(_)) => Err("the guest has ended".into()),
            Some(Err(error)) => Err(error),
        }
    }

    fn start(&mut self) -> Outcome<String> {
        self.board = Board::new(MEMORY);
        self.board.load_image(HASHER)?;
        self.pace = Some(Pace::start(&mut self.board));
        Ok("started".to_owned())
    }

    fn receive(&mut self, place: &Place) -> Outcome<String> {
        let listener = place.listen()?;
        print("waiting")?;
        self.board.receive(listener.accept()?)?;
        self.pace = Some(Pace::start(&mut self.board));
        Ok(format!("received {}", now()))
    }

    fn send(&mut self, place: &Place) -> Outcome<String> {
        self.board.run_to_tick(NEXT_TICK);
        let stopped = now();
        let start = Instant::now();
        let sent = self.board.send(place, Release::default());
        if sent.is_err() {
            self.pace = self.pace.is_some().then(|| Pace::start(&mut self.board));
        }
        let saved = sent?;
        self.pace = None;
        Ok(format!("sent {} {stopped} {}", saved.bytes, start.elapsed().as_micros()))
    }

    fn verify(&mut self) -> Outcome<String> {
        self.printed.clear();
        self.board.type_in(b"v");
        while self.pace.is_some() {
            self.run_guest()?;
            let complete = self.printed.rfind('\n').map_or("", |end| &self.printed[..end]);
            if let Some(verdict) = complete.lines().find(|line| line.contains("keys")) {
                return Ok(format!("verdict {verdict}"));
            }
            thread::sleep(Duration::from_millis(1));
        }
        Err("no guest is running".into())
    }
}

/// Returns the time in microseconds since 1970.
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()
}
