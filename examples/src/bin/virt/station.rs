//! `virt station`: a process that has a board, and does what it is told, line by line.
//!
//! | it is told | it answers |
//! |---|---|
//! | `start` | `started`: the guest runs from its beginning |
//! | `receive URI` | `waiting`, and later `received MICROSECONDS`: the guest runs since then |
//! | `send URI` | `sent BYTES MICROSECONDS TIME`: when the guest stopped, and how long all took |
//! | `verify` | `verdict TEXT`: what the guest says about itself |
//!
//! Or `failed WHY`; the guest then runs on. Moments are in microseconds since 1970.

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

/// A board, and whether a guest runs on it.
struct Station {
    board: Board,
    pace: Option<Pace>,
    /// What the guest has printed since it was asked something.
    printed: String,
}

/// Does what it is told, until nobody says anything any more.
pub(crate) fn run() -> Outcome {
    let orders = orders();
    let mut station = Station { board: Board::new(MEMORY), pace: None, printed: String::new() };
    loop {
        match orders.recv_timeout(Duration::from_millis(1)) {
            Ok(order) => match station.obey(&order) {
                Ok(answer) => say(&answer)?,
                Err(error) => say(&format!("failed {error}"))?,
            },
            Err(RecvTimeoutError::Timeout) => station.run_guest()?,
            Err(RecvTimeoutError::Disconnected) => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// What is said on standard input, line by line.
fn orders() -> Receiver<String> {
    let (sender, orders) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    orders
}

fn say(answer: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()
}

impl Station {
    fn obey(&mut self, order: &str) -> Outcome<String> {
        match order.split_once(' ').unwrap_or((order, "")) {
            ("start", _) => self.start(),
            ("receive", uri) => self.receive(&uri.parse()?),
            ("send", uri) => self.send(&uri.parse()?),
            ("verify", _) => self.verify(),
            _ => Err(format!("no such order: {order}").into()),
        }
    }

    /// Lets the guest run up to now, if there is one.
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
        say("waiting")?;
        self.board.receive(listener.accept()?)?;
        self.pace = Some(Pace::start(&mut self.board));
        Ok(format!("received {}", now()))
    }

    fn send(&mut self, place: &Place) -> Outcome<String> {
        self.board.run_to_tick(NEXT_TICK);
        let (stopped, start) = (now(), Instant::now());
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
        Err("there is no guest".into())
    }
}

/// Microseconds since 1970.
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()
}
