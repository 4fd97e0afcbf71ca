//! The thread that runs a board.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use vmstate_examples::virt::{Board, Stop};

use crate::pace::Pace;

/// The time to wait for tasks while the board is ahead of the host.
const PAUSE: Duration = Duration::from_millis(1);

/// A board that runs on a separate thread, while other threads access its memory.
pub(crate) struct Vcpu {
    tasks: Option<Sender<Task>>,
    progress: Receiver<Progress>,
    thread: Option<JoinHandle<()>>,
}

/// The guest's output, and the reason why it stopped. After a stop other than [`Stop::Time`] nothing follows.
pub(crate) struct Progress {
    pub(crate) output: Vec<u8>,
    pub(crate) stop: Stop,
}

enum Task {
    Type(Vec<u8>),
    Leave(Box<dyn FnOnce(&mut Board) -> bool + Send>),
}

impl Vcpu {
    /// Starts the thread.
    pub(crate) fn start(board: Board) -> Self {
        let (tasks, task_list) = mpsc::channel();
        let (sender, progress) = mpsc::channel();
        let thread = thread::spawn(move || run(board, &task_list, &sender));
        Self { tasks: Some(tasks), progress, thread: Some(thread) }
    }

    /// Returns the progress since the previous call.
    pub(crate) fn progress(&self) -> Option<Progress> {
        self.progress.try_recv().ok()
    }

    /// Types bytes at the serial port.
    pub(crate) fn type_in(&self, bytes: Vec<u8>) {
        self.send(Task::Type(bytes));
    }

    /// Stops the guest and passes it to `send`. The guest continues here only if that fails. Returns `None` if the guest has
    /// ended before.
    pub(crate) fn leave(
        &self,
        send: impl FnOnce(&mut Board) -> Result<(), String> + Send + 'static,
    ) -> Option<Result<(), String>> {
        let (sender, result) = mpsc::sync_channel(1);
        self.send(Task::Leave(Box::new(move |board| {
            let sent = send(board);
            let has_left = sent.is_ok();
            // The receiver waits below.
            let _ = sender.send(sent);
            has_left
        })));
        result.recv().ok()
    }

    /// Sends a task to the thread, which has ended if the guest has.
    fn send(&self, task: Task) {
        let _ = self.tasks.as_ref().map(|tasks| tasks.send(task));
    }
}

impl Drop for Vcpu {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // A panic was printed by its thread.
            let _ = thread.join();
        }
    }
}

/// Runs the board until the guest ends or the `Vcpu` is dropped.
fn run(mut board: Board, tasks: &Receiver<Task>, progress: &Sender<Progress>) {
    let mut pace = Pace::start(&mut board);
    let mut typed = Vec::new();
    loop {
        let (stop, ahead) = pace.run(&mut board);
        let output = board.take_output();
        if (stop != Stop::Time || !output.is_empty()) && progress.send(Progress { output, stop }).is_err() {
            return;
        }
        if stop != Stop::Time {
            return;
        }
        match tasks.recv_timeout(if ahead { PAUSE } else { Duration::ZERO }) {
            Ok(Task::Type(bytes)) => typed.extend(bytes),
            Ok(Task::Leave(send)) => {
                if send(&mut board) {
                    return;
                }
                pace = Pace::start(&mut board);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let taken = board.type_in(&typed);
        typed.drain(..taken);
    }
}
