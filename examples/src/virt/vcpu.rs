//! The thread that runs a board.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SendError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::board::{Board, Stop};
use super::pace::Pace;
use super::write_limit::{WriteBudget, WriteLimiter};

/// The time to wait for tasks while the board is ahead of the host.
const PAUSE: Duration = Duration::from_millis(1);
/// The longest time in which a board that has written too many pages does not look for the end of the limit.
const WAIT: Duration = Duration::from_millis(20);

/// The terminal's end of a thread that runs a board. The thread ends with the guest.
#[derive(Debug)]
pub struct Vcpu {
    tasks: Sender<Task>,
    progress: Receiver<Progress>,
}

/// The guest's output, and the reason why it stopped. After a stop other than [`Stop::Time`] nothing follows.
#[derive(Debug)]
pub struct Progress {
    /// The bytes that the serial port has transmitted.
    pub output: Vec<u8>,
    /// The reason.
    pub stop: Stop,
}

/// The host's end of the thread.
#[derive(Debug, Clone)]
pub(super) struct Runner {
    tasks: Sender<Task>,
    /// The percentage of its time for which the thread sleeps.
    throttle: Arc<AtomicU8>,
    limiter: Arc<WriteLimiter>,
    /// The system's number of the thread, or 0.
    thread: Arc<AtomicU32>,
}

#[derive(Debug)]
enum Task {
    Type(Vec<u8>),
    Run(Box<Board>),
    /// Stops the board, if possible with a pending timer interrupt within this time, and returns it.
    Stop {
        within: u64,
        reply: Sender<Box<Board>>,
    },
}

impl Vcpu {
    /// Starts the thread, which waits for a board.
    pub(super) fn start() -> (Self, Runner) {
        let (tasks, task_list) = mpsc::channel();
        let (sender, progress) = mpsc::channel();
        let runner =
            Runner { tasks: tasks.clone(), throttle: Arc::default(), limiter: Arc::default(), thread: Arc::default() };
        let (throttle, limiter, number) = (runner.throttle.clone(), runner.limiter.clone(), runner.thread.clone());
        thread::spawn(move || {
            number.store(thread_number().unwrap_or(0), Ordering::Relaxed);
            let (typed, budget) = (Vec::new(), WriteBudget::default());
            Thread { tasks: task_list, progress: sender, throttle, limiter, budget, typed }.run();
        });
        (Self { tasks, progress }, runner)
    }

    /// Returns the progress since the previous call.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        self.progress.try_recv().ok()
    }

    /// Types bytes at the serial port. They wait until the guest runs and has room for them.
    pub fn type_in(&self, bytes: Vec<u8>) {
        // The thread has ended if the guest has.
        let _ = self.tasks.send(Task::Type(bytes));
    }
}

impl Runner {
    /// Runs a board. Returns it if the thread has ended.
    pub(super) fn run(&self, board: Box<Board>) -> Result<(), Box<Board>> {
        self.tasks.send(Task::Run(board)).map_err(|SendError(task)| match task {
            Task::Run(board) => board,
            _ => unreachable!("the task that was sent"),
        })
    }

    /// Stops the board, with a pending timer interrupt if there is one `within` this time in nanoseconds. Returns `None`
    /// if the guest has ended.
    pub(super) fn stop(&self, within: u64) -> Option<Box<Board>> {
        let (reply, stopped) = mpsc::channel();
        self.tasks.send(Task::Stop { within, reply }).ok()?;
        stopped.recv().ok()
    }

    /// Returns the system's number of the thread, if it is known.
    pub(super) fn thread(&self) -> Option<u32> {
        Some(self.thread.load(Ordering::Relaxed)).filter(|number| *number != 0)
    }

    /// Returns the limiter of the rate at which the board writes memory.
    pub(super) fn limiter(&self) -> Arc<WriteLimiter> {
        self.limiter.clone()
    }

    pub(super) fn throttle(&self, percent: u8) {
        self.throttle.store(percent, Ordering::Relaxed);
    }
}

/// Returns the system's number of this thread (`gettid`), on Linux.
fn thread_number() -> Option<u32> {
    std::fs::read_link("/proc/thread-self").ok()?.file_name()?.to_str()?.parse().ok()
}

struct Thread {
    tasks: Receiver<Task>,
    progress: Sender<Progress>,
    throttle: Arc<AtomicU8>,
    limiter: Arc<WriteLimiter>,
    budget: WriteBudget,
    /// Bytes that the serial port has no room for yet.
    typed: Vec<u8>,
}

impl Thread {
    /// Runs boards until a guest ends, or nothing is left that could stop it.
    fn run(mut self) {
        while let Ok(task) = self.tasks.recv() {
            match task {
                Task::Type(bytes) => self.typed.extend(bytes),
                Task::Run(board) => match self.run_board(board) {
                    Some(()) => {}
                    None => return,
                },
                // The sender is dropped, which tells that no board runs.
                Task::Stop { .. } => {}
            }
        }
    }

    /// Runs a board until it is stopped. Returns `None` if the guest ends.
    fn run_board(&mut self, mut board: Box<Board>) -> Option<()> {
        let mut pace = Pace::start(&mut board);
        loop {
            let wait = match self.wait_to_write(&board) {
                Duration::ZERO => self.run_slice(&mut pace, &mut board)?,
                wait => wait,
            };
            match self.tasks.recv_timeout(wait) {
                Ok(Task::Type(bytes)) => self.typed.extend(bytes),
                Ok(Task::Stop { within, reply }) => {
                    let stop = board.run_to_tick(within);
                    self.report(&mut board, stop)?;
                    return reply.send(board).ok();
                }
                Ok(Task::Run(_)) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
            let taken = board.type_in(&self.typed);
            self.typed.drain(..taken);
        }
    }

    /// Runs a board for a slice. Returns the time for which to wait for tasks, or `None` if the guest ends.
    fn run_slice(&mut self, pace: &mut Pace, board: &mut Board) -> Option<Duration> {
        let start = Instant::now();
        let (stop, ahead) = pace.run(board, self.budget.slice());
        self.report(board, stop)?;
        self.budget.count(|| board.bus.memory.marks());
        self.sleep(start.elapsed());
        Some(if ahead { PAUSE } else { Duration::ZERO })
    }

    /// Returns the time for which a board has to wait that has written too many pages, or a part of it.
    fn wait_to_write(&mut self, board: &Board) -> Duration {
        let now = Instant::now();
        self.budget.follow(&self.limiter, now, || board.bus.memory.marks());
        let wait = self.budget.wait(&self.limiter, now).min(WAIT);
        self.budget.waited(wait);
        wait
    }

    /// Reports the guest's output. Returns `None` if the guest has ended, or nothing receives the output.
    fn report(&self, board: &mut Board, stop: Stop) -> Option<()> {
        let output = board.take_output();
        if stop != Stop::Time || !output.is_empty() {
            self.progress.send(Progress { output, stop }).ok()?;
        }
        (stop == Stop::Time).then_some(())
    }

    /// Sleeps for the throttled part of the time, of which the guest has run for `ran`.
    fn sleep(&self, ran: Duration) {
        let percent = u32::from(self.throttle.load(Ordering::Relaxed).min(99));
        if percent > 0 {
            thread::sleep(ran * percent / (100 - percent));
        }
    }
}
