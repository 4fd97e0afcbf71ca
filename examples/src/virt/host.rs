//! The board as migrations see it.

use std::sync::Arc;
use std::time::Duration;

#[cfg(target_os = "linux")]
use vmstate::SaveError;
use vmstate::machine::{LoadReport, Machine, SaveOptions};
use vmstate::memory::{DirtyLog, MemoryError, PageSize};
use vmstate::migration::{DirtyLimiter, Host, HostError, HostMemory};
use vmstate::schema::Release;
#[cfg(target_os = "linux")]
use vmstate::section::Output;
#[cfg(target_os = "linux")]
use vmstate::snapshot::BackgroundRam;
use vmstate::snapshot::{Details, SnapshotInfo, Store, StoreError, StoreErrorKind};
use vmstate::stream::Configuration;

use super::board::Board;
use super::migration::{self, RUNNING};
use super::rewind::BoardRewind;
use super::vcpu::{Runner, Vcpu};
use crate::devices::globalstate::GlobalState;

/// The time in nanoseconds for which the guest runs on until a timer interrupt is pending. See
/// [`Board::run_to_tick`].
const NEXT_TICK: u64 = 1_000_000_000;

/// The run state of a guest that has never run.
const PRELAUNCH: &str = "prelaunch";

/// The log of the pages that a guest writes while it migrates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageLog {
    /// The hart marks them.
    Marked,
    /// The kernel protects them, as for emulators and VMMs that cannot mark pages.
    WriteProtect,
}

/// A board that runs on a thread, and can be migrated meanwhile.
#[derive(Debug)]
pub struct BoardHost {
    runner: Runner,
    /// The release of QEMU whose streams it writes.
    release: Release,
    memory: HostMemory,
    log: PageLog,
    /// The board, while it does not run.
    stopped: Option<Box<Board>>,
    /// The run state in a stream.
    run_state: &'static str,
    /// The loaded run state, while a guest is awaited.
    awaited: Option<GlobalState>,
    /// The recent states, if they are kept.
    states: Option<BoardRewind>,
}

impl BoardHost {
    /// Creates a host and the terminal of a board that was not started.
    #[must_use]
    pub fn new(board: Board, release: Release) -> (Self, Vcpu) {
        // QEMU 7.2 lacks the blocks of tables.
        Self::with_memory(board, release, release != Release::Qemu7_2, None)
    }

    /// Creates a host and the terminal of a board that waits for a guest, from any release of QEMU. The guest goes on as
    /// one of `release`.
    #[must_use]
    pub fn awaiting(board: Board, release: Release) -> (Self, Vcpu) {
        Self::with_memory(board, release, true, Some(GlobalState::default()))
    }

    fn with_memory(board: Board, release: Release, tables: bool, awaited: Option<GlobalState>) -> (Self, Vcpu) {
        let (vcpu, runner) = Vcpu::start();
        let memory = host_memory(&board, tables, board.bus.memory.dirty_log().clone());
        let (log, stopped) = (PageLog::Marked, Some(Box::new(board)));
        (Self { runner, release, memory, log, stopped, run_state: PRELAUNCH, awaited, states: None }, vcpu)
    }

    /// Selects the log of the pages that the guest writes. The board must not run.
    ///
    /// # Errors
    /// Returns an error if the system has no such log, or does not permit it.
    pub fn with_log(mut self, log: PageLog) -> Result<Self, MemoryError> {
        self.log = log;
        let Some(board) = &self.stopped else { return Err(MemoryError::custom("the guest runs or has ended")) };
        let tables = self.awaited.is_some() || self.release != Release::Qemu7_2;
        self.memory = memory(board, tables, log)?;
        Ok(self)
    }

    /// Saves the devices of the stopped board. `memory`, which has protected the [memory](Host::memory), saves it when the
    /// board runs again, until [`end_background`](Self::end_background).
    ///
    /// # Errors
    /// Returns an error if the board runs or has ended, or the output cannot be written.
    #[cfg(target_os = "linux")]
    pub fn save_devices(&mut self, out: Output<'_>, memory: &BackgroundRam) -> Result<(), SaveError> {
        let board = self.stopped.as_mut().ok_or_else(|| SaveError::misuse("the guest runs or has ended"))?;
        board.save_devices(out, self.release, memory)
    }

    /// Ends a save of the memory of a board. A board that runs pauses meanwhile.
    #[cfg(target_os = "linux")]
    pub fn end_background(&mut self) {
        // The memory of a guest that has ended is not used anymore.
        let _ = self.paused(|board| board.bus.memory.set_background(None));
    }

    /// Keeps the states that [`push_state`](Self::push_state) adds, in `memory` bytes. [`rewind`](Host::rewind) returns to them.
    pub fn keep_states(&mut self, memory: usize) {
        self.states = Some(BoardRewind::new(memory));
    }

    /// Adds the state of the board to the kept ones, unless none are kept or the guest has ended. A board that runs pauses meanwhile.
    ///
    /// # Errors
    /// Returns an error if a device cannot be saved.
    pub fn push_state(&mut self) -> Result<(), HostError> {
        let Some(mut states) = self.states.take() else { return Ok(()) };
        let pushed = self.paused(|board| states.push(board));
        self.states = Some(states);
        Ok(pushed.unwrap_or(Ok(()))?)
    }

    /// Stops the board, if it runs, while it is used. Returns `None` if the guest has ended.
    fn paused<R>(&mut self, use_board: impl FnOnce(&mut Board) -> R) -> Option<R> {
        if let Some(board) = &mut self.stopped {
            return Some(use_board(board));
        }
        let mut board = self.runner.stop(0)?;
        let result = use_board(&mut board);
        self.stopped = self.runner.run(board).err();
        Some(result)
    }

    fn stopped(&mut self) -> Result<&mut Board, StoreError> {
        let error = || StoreError::new(StoreErrorKind::Unsupported, "the guest runs or has ended");
        self.stopped.as_deref_mut().ok_or_else(error)
    }

    /// Stops the board, with a pending timer interrupt if the guest may go on in a QEMU that starts no timer.
    fn stop_board(&mut self) -> Result<(), HostError> {
        let within = if self.release < Release::Qemu11_1 { NEXT_TICK } else { 0 };
        self.stopped = self.stopped.take().or_else(|| self.runner.stop(within));
        if self.stopped.is_some() { Ok(()) } else { Err("the guest has ended".into()) }
    }
}

fn memory(board: &Board, tables: bool, log: PageLog) -> Result<HostMemory, MemoryError> {
    let memory = &board.bus.memory;
    let log = match log {
        PageLog::Marked => memory.dirty_log().clone(),
        PageLog::WriteProtect => memory.kernel_log(tables)?,
    };
    Ok(host_memory(board, tables, log))
}

fn host_memory(board: &Board, tables: bool, log: Arc<dyn DirtyLog>) -> HostMemory {
    HostMemory::new(PageSize::DEFAULT, board.bus.memory.shared_blocks(tables), Some(log))
}

impl Host for BoardHost {
    fn configuration(&self) -> Configuration {
        Configuration::new(migration::MACHINE)
    }

    fn memory(&self) -> HostMemory {
        self.memory.clone()
    }

    fn with_machine(&mut self, use_machine: &mut dyn FnMut(&mut Machine<'_>)) {
        let Some(board) = &mut self.stopped else { return };
        match &mut self.awaited {
            Some(global_state) => board.with_awaited_devices(global_state, use_machine),
            None => board.with_devices(self.release, self.run_state, use_machine),
        }
    }

    fn save_options(&self) -> SaveOptions {
        migration::save_options(self.release)
    }

    fn loaded(&mut self, report: &LoadReport) -> Result<(), HostError> {
        if let Some(board) = &mut self.stopped {
            board.apply_load(report)?;
            board.bus.memory.end_history();
            self.memory = memory(board, self.release != Release::Qemu7_2, self.log)?;
        }
        Ok(())
    }

    fn is_running(&self) -> bool {
        self.stopped.is_none()
    }

    fn stop(&mut self) -> Result<(), HostError> {
        self.stop_board()
    }

    fn pause(&mut self) -> Result<(), HostError> {
        self.stop_board()?;
        self.run_state = "paused";
        Ok(())
    }

    fn resume(&mut self) -> Result<(), HostError> {
        self.awaited = None;
        self.run_state = RUNNING;
        if let Some(Err(board)) = self.stopped.take().map(|board| self.runner.run(board)) {
            self.stopped = Some(board);
            return Err("the guest has ended".into());
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), HostError> {
        let run_state = self.awaited.take().map(|state| state.run_state());
        match run_state.as_deref() {
            None | Some(RUNNING) => self.resume(),
            Some(stopped) => {
                self.run_state = if stopped == PRELAUNCH { PRELAUNCH } else { "paused" };
                Ok(())
            }
        }
    }

    fn is_prelaunch(&self) -> bool {
        self.awaited.as_ref().map_or(self.run_state == PRELAUNCH, |state| state.run_state() == PRELAUNCH)
    }

    fn guest_clock(&self) -> Duration {
        self.stopped.as_ref().map_or(Duration::ZERO, |board| Duration::from_nanos(board.nanoseconds()))
    }

    fn save_snapshot(&mut self, store: &dyn Store, details: Details) -> Result<SnapshotInfo, StoreError> {
        let release = self.release;
        self.stopped()?.save_snapshot(store, details, release)
    }

    fn load_snapshot(&mut self, store: &dyn Store, key: &str) -> Result<SnapshotInfo, StoreError> {
        self.stopped()?.load_snapshot_in_place(store, key)
    }

    fn rewind(&mut self) -> Result<u64, HostError> {
        let mut states = self.states.take().ok_or("no states are kept; start with `--rewind SIZE`")?;
        let popped = self.paused(|board| states.pop(board));
        let left = states.len();
        self.states = Some(states);
        match popped.ok_or("the guest has ended")?? {
            true => Ok(u64::try_from(left)?),
            false => Err("the guest has no earlier state".into()),
        }
    }

    fn throttle(&mut self, percent: u8) {
        self.runner.throttle(percent);
    }

    /// The kernel's log does not reset the marks, by which writes are counted.
    fn dirty_limiter(&self) -> Option<Arc<dyn DirtyLimiter>> {
        (self.log == PageLog::Marked).then(|| -> Arc<dyn DirtyLimiter> { self.runner.limiter() })
    }

    fn vcpu_threads(&self) -> Vec<u32> {
        self.runner.thread().into_iter().collect()
    }
}
