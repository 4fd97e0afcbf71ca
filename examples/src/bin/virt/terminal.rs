//! The terminal: passes keys to the guest, and handles commands that begin with Ctrl-A.

use std::io::{self, IsTerminal, Read};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use rustix::termios::{self, OptionalActions, Termios};

const CONTROL_A: u8 = 1;

/// A user action.
pub(crate) enum Event {
    /// Bytes for the guest.
    Typed(Vec<u8>),
    /// The user saves a snapshot.
    Save,
    /// The user rewinds to the previous state.
    Rewind,
    /// The user quits.
    Quit,
}

/// The terminal in raw mode, restored on drop. Standard input can also be a file or a pipe.
pub(crate) struct Terminal {
    /// The settings to restore. `None` if standard input is not a terminal.
    before: Option<Termios>,
    input: Receiver<Vec<u8>>,
    /// True if the last key was Ctrl-A.
    escaped: bool,
}

impl Terminal {
    /// Puts the terminal in raw mode.
    pub(crate) fn open() -> io::Result<Self> {
        let before = make_raw()?;
        if before.is_some() {
            eprintln!("(Ctrl-A X: quit, Ctrl-A S: save a snapshot, Ctrl-A R: rewind, Ctrl-A Ctrl-A: send Ctrl-A)");
        }
        let (sender, input) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 256];
            while let Ok(length @ 1..) = io::stdin().read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Ok(Self { before, input, escaped: false })
    }

    /// Returns the next event, or `None` after `patience`.
    pub(crate) fn next(&mut self, patience: Duration) -> Option<Event> {
        match self.input.recv_timeout(patience) {
            Ok(bytes) if self.before.is_some() => Some(self.without_escapes(&bytes)),
            Ok(bytes) => Some(Event::Typed(bytes)),
            Err(mpsc::RecvTimeoutError::Timeout) => None,
            // Standard input is closed; the guest continues.
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                thread::sleep(patience);
                None
            }
        }
    }

    /// Prints a message of this program.
    pub(crate) fn report(&self, text: &str) {
        eprintln!("virt: {text}");
    }

    fn without_escapes(&mut self, bytes: &[u8]) -> Event {
        let mut typed = Vec::new();
        for byte in bytes {
            match (std::mem::take(&mut self.escaped), *byte) {
                (true, b'x' | b'X') => return Event::Quit,
                (true, b's' | b'S') => return Event::Save,
                (true, b'r' | b'R') => return Event::Rewind,
                (true, CONTROL_A) => typed.push(CONTROL_A),
                (true, _) => {}
                (false, CONTROL_A) => self.escaped = true,
                (false, byte) => typed.push(byte),
            }
        }
        Event::Typed(typed)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // An error cannot be reported during drop.
            let _ = termios::tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}

/// Sets raw mode except for output processing, and returns the previous settings.
fn make_raw() -> io::Result<Option<Termios>> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Ok(None);
    }
    let before = termios::tcgetattr(&stdin)?;
    let mut raw = before.clone();
    raw.make_raw();
    raw.output_modes = before.output_modes;
    termios::tcsetattr(&stdin, OptionalActions::Flush, &raw)?;
    Ok(Some(before))
}
