//! The programs in `examples/guest`, and their output.

use vmstate_examples::virt::{Board, Stop};

/// A program and its output.
#[derive(Debug)]
pub struct Program {
    /// The name of its source file.
    pub name: &'static str,
    /// The image, loaded at the beginning of memory.
    pub image: &'static [u8],
    /// The output of QEMU.
    pub expected: &'static str,
}

macro_rules! programs {
    ($($name:literal),*) => {
        [$(Program {
            name: $name,
            image: include_bytes!(concat!("../../examples/guest/images/", $name, ".img")),
            expected: include_str!(concat!("../../examples/guest/expected/", $name, ".txt")),
        }),*]
    };
}

/// The guest that verifies itself.
pub const HASHER: &[u8] = include_bytes!("../../examples/guest/images/hasher.img");
/// Its output after one second, on any machine.
pub const AFTER_A_SECOND: &str = "1.000 s, 4000 steps, hash 06cd8d4f3c6daf10";

/// All programs with a fixed output.
pub const PROGRAMS: [Program; 4] = programs!["isa", "traps", "csr", "devices"];
/// One second in nanoseconds, longer than any of the programs runs.
pub const SECOND: u64 = 1_000_000_000;

/// Compares the output of a program with the expected one.
///
/// # Panics
/// If they differ.
pub fn assert_printed(name: &str, printed: &str, expected: &str) {
    let lines = printed.lines().zip(expected.lines());
    let different: Vec<_> = lines.filter(|(printed, expected)| printed != expected).collect();
    assert!(different.is_empty(), "{name}: printed and expected lines differ: {different:#?}");
    assert_eq!(printed.len(), expected.len(), "{name}: bytes printed\n{printed}");
}

/// Types `keys` and returns the answer of the guest.
///
/// # Panics
/// If the board stops.
pub fn ask(board: &mut Board, keys: &[u8]) -> String {
    board.take_output();
    assert_eq!(board.type_in(keys), keys.len());
    assert_eq!(board.run_until(board.nanoseconds() + SECOND / 4), Stop::Time);
    String::from_utf8(board.take_output()).unwrap()
}

/// Has the guest verify itself, and returns its verdict. This takes longer the longer the guest has run.
///
/// # Panics
/// If the guest prints no verdict.
pub fn verdict(board: &mut Board) -> String {
    let mut printed = String::new();
    assert_eq!(board.type_in(b"v"), 1);
    for _ in 0..100 {
        assert_eq!(board.run_until(board.nanoseconds() + SECOND / 10), Stop::Time);
        printed += &String::from_utf8(board.take_output()).unwrap();
        if let Some(line) = printed.lines().find(|line| line.ends_with("keys")) {
            return line.to_owned();
        }
    }
    panic!("no verdict: {printed}");
}

/// Has the guest verify itself.
///
/// # Panics
/// If the guest reports an error.
#[track_caller]
pub fn assert_right(board: &mut Board) {
    let verdict = verdict(board);
    assert!(verdict.starts_with("right: "), "{verdict}");
}
