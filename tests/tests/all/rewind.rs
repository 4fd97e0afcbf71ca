//! Rewinding and run-ahead.

use proptest::prelude::*;
use vmstate::prelude::*;
use vmstate::rewind::{Frame, Rewind, RunAhead, RunAheadError};

#[derive(VmState, Debug, Clone, PartialEq)]
#[vmstate(name = "console")]
struct Console {
    frame: u32,
    ram: [u8; 64],
    #[vmstate(count("nsprites": u32), max = 8)]
    sprites: Vec<u16>,
    #[vmstate(skip = "a setting")]
    volume: u8,
}

impl Console {
    fn new() -> Self {
        Self { frame: 0, ram: [0; 64], sprites: Vec::new(), volume: 5 }
    }

    fn run(&mut self) {
        self.ram[usize::try_from(self.frame * 7 % 64).unwrap()] ^= self.frame.to_le_bytes()[0];
        self.frame += 1;
        self.sprites.resize(usize::try_from(self.frame % 5).unwrap(), 9);
    }
}

#[test]
fn rewind_returns_to_each_frame() {
    let mut console = Console::new();
    let mut rewind = Rewind::new(64 * 1024);
    let mut frames = Vec::new();
    for _ in 0..200 {
        frames.push(console.clone());
        rewind.push(&mut console).unwrap();
        console.run();
    }
    assert_eq!(rewind.len(), 200);
    console.volume = 6;
    for frame in frames.into_iter().rev() {
        assert!(rewind.pop(&mut console).unwrap());
        assert_eq!(console, Console { volume: 6, ..frame }, "settings survive");
    }
    assert!(!rewind.pop(&mut console).unwrap() && rewind.is_empty());
}

#[test]
fn rewound_game_continues_identically() {
    let mut console = Console::new();
    let mut rewind = Rewind::new(4096);
    for _ in 0..100 {
        rewind.push(&mut console).unwrap();
        console.run();
    }
    let later = console.clone();
    for _ in 0..30 {
        rewind.pop(&mut console).unwrap();
    }
    assert_eq!(console.frame, 70);
    for _ in 0..30 {
        rewind.push(&mut console).unwrap();
        console.run();
    }
    assert_eq!(console, later);
}

#[test]
fn full_history_drops_the_oldest_states() {
    let mut console = Console::new();
    let mut rewind = Rewind::new(1000);
    for _ in 0..500 {
        rewind.push(&mut console).unwrap();
        console.run();
    }
    let count = rewind.len();
    assert!((20..200).contains(&count), "{count}");
    assert!(rewind.memory() < 1000 + 4 * 256, "{}", rewind.memory());
    for _ in 0..count {
        assert!(rewind.pop(&mut console).unwrap());
    }
    assert_eq!(console.frame, 500 - u32::try_from(count).unwrap());
    assert!(!rewind.pop(&mut console).unwrap());
}

#[test]
fn history_without_memory_keeps_one_state() {
    let mut console = Console::new();
    let mut rewind = Rewind::new(0);
    for _ in 0..3 {
        rewind.push(&mut console).unwrap();
        console.run();
    }
    assert_eq!(rewind.len(), 1);
    assert!(rewind.pop(&mut console).unwrap());
    assert_eq!(console.frame, 2);
}

#[test]
fn failed_save_leaves_history_unchanged() {
    let mut console = Console::new();
    let mut rewind = Rewind::new(1000);
    rewind.push(&mut console).unwrap();
    console.sprites = vec![0; 9];
    let error = rewind.push(&mut console).unwrap_err();
    assert_eq!(error.path(), "console.nsprites");
    assert_eq!(rewind.len(), 1);
    assert!(rewind.pop(&mut console).unwrap());
    assert_eq!(console, Console::new());
}

#[test]
fn machines_are_rewound_by_their_streams() {
    let mut console = Console::new();
    let mut rewind = Rewind::new(4096);
    for _ in 0..10 {
        let mut stream = Vec::new();
        let mut machine = Machine::new();
        machine.register("console", &mut console).unwrap();
        machine.save(&mut stream).unwrap();
        rewind.push_bytes(&stream);
        drop(machine);
        console.run();
    }
    for _ in 0..4 {
        let mut machine = Machine::new();
        machine.register("console", &mut console).unwrap();
        rewind.pop_bytes(|stream| machine.load(stream).map(drop)).unwrap().unwrap();
    }
    assert_eq!(console.frame, 6);
    rewind.clear();
    assert!(rewind.pop_bytes(|_| ()).is_none());
}

#[test]
fn run_ahead_shows_later_frames() {
    let mut shown = Vec::new();
    for ahead in 0..4 {
        let mut console = Console::new();
        let mut run_ahead = RunAhead::new(ahead);
        let mut runs = 0;
        for _ in 0..5 {
            let each = |console: &mut Console, frame: Frame| {
                console.run();
                runs += 1;
                if frame.is_shown() {
                    shown.push(console.frame);
                }
            };
            run_ahead.frame(&mut console, each).unwrap();
        }
        let mut alone = Console::new();
        (0..5).for_each(|_| alone.run());
        assert_eq!(console, alone, "the game is the same as without run-ahead");
        assert_eq!((runs, shown.len()), (5 * (ahead + 1), 5));
        let first = u32::try_from(ahead).unwrap() + 1;
        assert!(shown.drain(..).eq(first..first + 5));
    }
}

#[test]
fn run_ahead_reports_a_device_that_cannot_be_saved() {
    let mut console = Console { sprites: vec![0; 9], ..Console::new() };
    let error = RunAhead::new(1).frame(&mut console, |_, _| ()).unwrap_err();
    assert!(matches!(error, RunAheadError::Save(_)));
    let text = "cannot save the state before running ahead: field console.nsprites: expected at most 8 elements";
    assert!(error.to_string().starts_with(text), "{error}");
}

proptest! {
    /// Any sequence of pushed and popped states behaves like a vector.
    #[test]
    fn history_is_a_stack(
        steps in prop::collection::vec(prop::option::weighted(0.7, prop::collection::vec(0_u8..3, 0..80)), 0..60),
    ) {
        let mut rewind = Rewind::new(1 << 16);
        let mut states: Vec<Vec<u8>> = Vec::new();
        for step in steps {
            match step {
                Some(state) => {
                    rewind.push_bytes(&state);
                    states.push(state);
                }
                None => prop_assert_eq!(rewind.pop_bytes(<[u8]>::to_vec), states.pop()),
            }
            prop_assert_eq!(rewind.len(), states.len());
        }
    }
}
