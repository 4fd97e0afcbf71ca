//! Rewinding the board to its recent states.
//!
//! ```
//! use vmstate_examples::virt::{Board, BoardRewind};
//!
//! let mut board = Board::new(1 << 20);
//! let mut rewind = BoardRewind::new(1 << 20);
//! rewind.push(&mut board)?;
//! board.run_until(1_000_000);
//! assert!(rewind.pop(&mut board)?);
//! assert_eq!((board.nanoseconds(), rewind.len()), (0, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::sync::Arc;

use vmstate::machine::Saving;
use vmstate::memory::Marked;
use vmstate::rewind::Rewind;
use vmstate::schema::Release;
use vmstate::section::Output;
use vmstate::{LoadError, Reader, SaveError, Writer};

use super::board::Board;
use super::migration::{RUNNING, save_options};

/// The recent states of a board.
///
/// Only pages that differ between two states use memory, in addition to a copy of the board's whole memory.
#[derive(Debug)]
pub struct BoardRewind {
    states: Rewind,
    /// The log of the pages that were written since the newest state.
    log: Option<Arc<Marked>>,
}

impl BoardRewind {
    /// Creates an empty history with `memory` bytes for differences between states.
    #[must_use]
    pub fn new(memory: usize) -> Self {
        Self { states: Rewind::new(memory), log: None }
    }

    /// Saves the state of the stopped board. Only pages that it has written since the previous state are compared. The first state,
    /// and a state after a load, a snapshot or a rewind, are compared as a whole.
    ///
    /// # Errors
    /// Returns an error if a device cannot be saved.
    pub fn push(&mut self, board: &mut Board) -> Result<(), SaveError> {
        let devices = devices(board)?;
        let memory = &mut board.bus.memory;
        // Memory is at the same place in each state, so that equal pages have no difference.
        let (size, written) = (memory.ram().len(), memory.written_since(&mut self.log));
        let length = size + devices.len();
        if let Some(mut parts) = written {
            parts.push((size, devices.clone()));
            if self.states.push_changes(length, &parts) {
                return Ok(());
            }
        }
        let mut state = memory.ram().to_vec();
        state.extend(devices);
        self.states.push_bytes(&state);
        Ok(())
    }

    /// Removes the newest state, and continues from it. Returns `false` if the history is empty.
    ///
    /// The blocks of memory are kept: other threads may use them, and the dirty log has their changed pages.
    ///
    /// # Errors
    /// Returns an error if a device rejects the state. The board is then unchanged.
    pub fn pop(&mut self, board: &mut Board) -> Result<bool, LoadError> {
        let size = board.bus.memory.ram().len();
        // It has the writes since the state that is removed, and not since the one before.
        self.log = None;
        let loaded = self.states.pop_bytes(|state| {
            let (ram, devices) = state.split_at_checked(size).unwrap_or((&[], state));
            let mut new = Board::new(size);
            new.load_sections(&mut Reader::from_slice(devices), Some(&|_| Ok(())))?;
            board.bus.memory.set_ram(ram);
            std::mem::swap(&mut board.bus.memory, &mut new.bus.memory);
            board.replace(new);
            Ok(())
        });
        loaded.map_or(Ok(false), |loaded| loaded.map(|()| true))
    }

    /// Returns the number of states.
    #[must_use]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Returns whether the history has no states.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }
}

/// Returns the stream of the devices without memory, of a release whose timers need no pending interrupt.
fn devices(board: &mut Board) -> Result<Vec<u8>, SaveError> {
    let release = Release::Qemu11_1;
    let (mut stream, mut saved) = (Vec::new(), Ok(()));
    board.with_devices(release, RUNNING, &mut |machine| {
        let mut writer = Writer::new();
        let out = Output::new(&mut writer, Some(&mut stream));
        saved = machine.start_saving(out, save_options(release)).and_then(Saving::complete).map(drop);
    });
    saved.map(|()| stream)
}
