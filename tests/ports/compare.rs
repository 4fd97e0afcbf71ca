//! Compares a machine with itself after its state is saved and loaded.

use vmstate::prelude::*;

/// An emulator that runs a program.
pub trait Emulator {
    /// Starts the program.
    fn start() -> Self;

    /// Runs for frame `number` with an input that depends on it, and returns its output.
    fn frame(&mut self, number: u32) -> Vec<u8>;

    /// Returns the state.
    fn save(&mut self) -> Vec<u8>;

    /// Loads a state.
    fn load(&mut self, state: &[u8]);
}

/// Saves a device.
pub fn save(device: &mut impl VmState) -> Vec<u8> {
    let mut writer = Writer::new();
    device.save(&mut writer).expect("a state");
    writer.take()
}

/// Loads a device from the front of `state`, and removes it there.
pub fn load<T: VmState>(device: &mut T, state: &mut &[u8]) {
    let mut reader = Reader::from_slice(state);
    device.load(&mut reader, T::DESCRIPTION.version).expect("a state that was saved");
    let read = usize::try_from(reader.offset()).unwrap();
    *state = &state[read..];
}

const FRAMES: u32 = 120;
/// The frames at which the state is saved: also within a transition, as right after the start.
const SAVES: [u32; 5] = [0, 1, 17, 60, 97];
/// The frames of a machine that has run something else before the load.
const OTHER: u32 = 33;

/// Compares.
///
/// # Panics
/// Panics if a machine that loads a state continues differently.
pub fn compare<E: Emulator>(name: &str) {
    let mut original = E::start();
    let mut states = Vec::new();
    // The output during each frame, and the state after it.
    let mut frames = Vec::new();
    for number in 0..FRAMES {
        if SAVES.contains(&number) {
            states.push((number, original.save()));
        }
        frames.push((original.frame(number), original.save()));
    }
    let distinct = frames.iter().map(|(_, state)| state).collect::<std::collections::BTreeSet<_>>().len();
    assert!(distinct > FRAMES as usize / 2, "the program does nothing: {distinct} states");
    let mut unloaded = E::start();
    assert!(unloaded.frame(FRAMES - 1) != frames[FRAMES as usize - 1].0, "the output does not depend on the state");

    for (start, state) in &states {
        for before in [0, OTHER] {
            let mut loaded = E::start();
            (0..before).for_each(|number| drop(loaded.frame(number * 7 + 3)));
            loaded.load(state);
            assert!(loaded.save() == *state, "{name}: the state of frame {start} changes by loading and saving it");
            for number in *start..FRAMES {
                let (output, after) = &frames[number as usize];
                assert!(loaded.frame(number) == *output, "{name}: frame {number}, loaded at {start}: another output");
                assert!(loaded.save() == *after, "{name}: frame {number}, loaded at {start}: another state");
            }
        }
    }
    let size = states.last().map_or(0, |(_, state)| state.len());
    println!("{name}: {FRAMES} frames, {} loads, {size} bytes: identical", 2 * states.len());
}
