//! Run-ahead: the frame that is shown has already reacted to the newest input.

use std::fmt;

use vmstate_types::{LoadError, Reader, SaveError, VmState, Writer};

/// Runs a device a number of frames ahead of the frame that it keeps.
///
/// Many games react to an input after one to three frames. With run-ahead, each displayed frame is the frame that the game
/// would display that many frames later: the emulator runs the frames in advance, shows the last one, and returns to
/// the state after the first one.
///
/// ```
/// use vmstate::prelude::*;
/// use vmstate::rewind::{Frame, RunAhead};
///
/// #[derive(VmState, Default)]
/// struct Console {
///     frame: u32,
/// }
///
/// let mut console = Console::default();
/// let mut shown = Vec::new();
/// let mut run_ahead = RunAhead::new(2);
/// for _ in 0..3 {
///     run_ahead.frame(&mut console, |console, frame| {
///         console.frame += 1;
///         if frame.is_shown() {
///             shown.push(console.frame);
///         }
///     })?;
/// }
/// assert_eq!((shown, console.frame), (vec![3, 4, 5], 3));
/// # Ok::<(), vmstate::rewind::RunAheadError>(())
/// ```
#[derive(Debug, Default)]
pub struct RunAhead {
    frames: usize,
    state: Writer,
}

/// The use of a frame during run-ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    is_kept: bool,
    is_shown: bool,
}

impl Frame {
    /// Returns whether the device continues from the state after this frame. Its sound is played.
    #[must_use]
    pub fn is_kept(self) -> bool {
        self.is_kept
    }

    /// Returns whether the picture of this frame is shown.
    #[must_use]
    pub fn is_shown(self) -> bool {
        self.is_shown
    }
}

impl RunAhead {
    /// Creates run-ahead by `frames` frames. With 0, each frame is kept and shown, and nothing is saved.
    #[must_use]
    pub fn new(frames: usize) -> Self {
        Self { frames, state: Writer::new() }
    }

    /// Runs one frame that is kept, and the frames ahead of it.
    ///
    /// # Errors
    /// Returns an error if the device cannot be saved after the frame that is kept, or rejects its own state afterwards.
    pub fn frame<T: VmState>(
        &mut self,
        device: &mut T,
        mut run: impl FnMut(&mut T, Frame),
    ) -> Result<(), RunAheadError> {
        run(device, Frame { is_kept: true, is_shown: self.frames == 0 });
        if self.frames == 0 {
            return Ok(());
        }
        self.state.clear();
        device.save(&mut self.state).map_err(RunAheadError::Save)?;
        for ahead in 1..=self.frames {
            run(device, Frame { is_kept: false, is_shown: ahead == self.frames });
        }
        let mut reader = Reader::from_slice(self.state.pending());
        device.load(&mut reader, T::DESCRIPTION.version).map_err(RunAheadError::Load)
    }
}

/// A failed save or load during run-ahead.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunAheadError {
    /// The device cannot be saved. It is in the state after the frame that is kept.
    Save(SaveError),
    /// The device rejects its own state. It can be partially loaded.
    Load(LoadError),
}

impl fmt::Display for RunAheadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Save(error) => write!(f, "cannot save the state before running ahead: {error}"),
            Self::Load(error) => write!(f, "cannot return to the state before running ahead: {error}"),
        }
    }
}

impl std::error::Error for RunAheadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Save(error) => Some(error),
            Self::Load(error) => Some(error),
        }
    }
}
