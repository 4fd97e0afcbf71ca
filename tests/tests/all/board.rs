//! The RISC-V board of the examples: it does what QEMU's does.
//!
//! The programs are in examples/guest; what they print was printed by QEMU.

use vmstate_examples::virt::{Board, Finish, Stop, Unsupported};

mod places;

/// A program, what it prints, and what QEMU's hart must be like for that.
struct Program {
    name: &'static str,
    image: &'static [u8],
    expected: &'static str,
}

macro_rules! programs {
    ($($name:literal),*) => {
        [$(Program {
            name: $name,
            image: include_bytes!(concat!("../../../examples/guest/images/", $name, ".img")),
            expected: include_str!(concat!("../../../examples/guest/expected/", $name, ".txt")),
        }),*]
    };
}

/// The guest that verifies itself.
const HASHER: &[u8] = include_bytes!("../../../examples/guest/images/hasher.img");
/// What it prints after a second, wherever it runs.
const AFTER_A_SECOND: &str = "1.000 s, 4000 steps, hash 06cd8d4f3c6daf10";

const PROGRAMS: [Program; 4] = programs!["isa", "traps", "csr", "devices"];
const MEMORY: usize = 1 << 20;
/// Longer than any of the programs takes.
const SECOND: u64 = 1_000_000_000;

fn board(image: &[u8]) -> Board {
    let mut board = Board::new(MEMORY);
    board.load_image(image).unwrap();
    board
}

fn assert_printed(name: &str, printed: &str, expected: &str) {
    let lines = printed.lines().zip(expected.lines());
    let different: Vec<_> = lines.filter(|(printed, expected)| printed != expected).collect();
    assert!(different.is_empty(), "{name}: printed and expected lines differ: {different:#?}");
    assert_eq!(printed.len(), expected.len(), "{name}: bytes printed\n{printed}");
}

#[test]
fn prints_what_qemu_prints() {
    for Program { name, image, expected } in PROGRAMS {
        let mut board = board(image);
        assert_eq!(board.run_until(10 * SECOND), Stop::Finished(Finish::Pass), "{name}");
        assert_printed(name, &String::from_utf8(board.take_output()).unwrap(), expected);
    }
}

#[test]
fn a_run_in_pieces_is_the_same_run() {
    let image = PROGRAMS[1].image;
    let mut whole = board(image);
    let stop = whole.run_until(SECOND);
    let mut pieces = board(image);
    let mut steps = 0;
    let mut last = Stop::Time;
    while last == Stop::Time {
        steps += 1;
        // Of lengths that no period of the program divides.
        last = pieces.run_until(pieces.nanoseconds() + 10 + steps * 7919 % 5000);
    }
    assert_eq!(last, stop);
    assert!(steps > 100, "{steps}");
    assert_eq!(pieces.hart.regs, whole.hart.regs);
    assert_eq!(pieces.nanoseconds(), whole.nanoseconds());
    assert_eq!(pieces.bus.memory.ram(), whole.bus.memory.ram());
    assert_eq!(pieces.take_output(), whole.take_output());
}

#[test]
fn single_steps_are_the_same_run_too() {
    let image = PROGRAMS[2].image;
    let mut whole = board(image);
    whole.run_until(SECOND);
    let mut steps = board(image);
    let stop = std::iter::from_fn(|| Some(steps.step())).flatten().next();
    assert_eq!(stop, Some(Stop::Finished(Finish::Pass)));
    assert_eq!(steps.hart.regs, whole.hart.regs);
    assert_eq!(steps.take_output(), whole.take_output());
}

/// A program of these instructions, run for a while.
fn run(instructions: &[u32]) -> (Board, Stop) {
    let image: Vec<u8> = instructions.iter().flat_map(|instruction| instruction.to_le_bytes()).collect();
    let mut board = board(&image);
    let stop = board.run_until(SECOND / 1000);
    (board, stop)
}

#[test]
fn what_the_board_lacks_stops_it_before_the_instruction() {
    // Set a lock in pmpcfg0: csrwi 0x3a0, 0 would be fine; li t0, 0x80; csrw 0x3a0, t0.
    let (board, stop) = run(&[0x0800_0293, 0x3a02_9073]);
    assert_eq!((stop, board.hart.regs.pc), (Stop::Unsupported(Unsupported::LockedMemory), 0x8000_0004));
    // mret, in a hart whose mstatus says that a user was interrupted.
    let mut board = self::board(&0x3020_0073_u32.to_le_bytes());
    board.hart.regs.mstatus &= !0x1800;
    let stop = board.run_until(SECOND);
    assert_eq!((stop, board.hart.regs.pc), (Stop::Unsupported(Unsupported::Mode), 0x8000_0000));
    assert_eq!(board.run_until(2 * SECOND), stop, "and again");
}

#[test]
fn an_image_that_is_too_large_is_refused() {
    let mut board = Board::new(4096);
    let error = board.load_image(&[0; 4097]).unwrap_err();
    assert_eq!(error.to_string(), "the program has 4097 bytes, and the board's memory 4096");
    assert_eq!(board.load_image(&[0; 4096]), Ok(()));
}

#[test]
fn while_the_hart_waits_no_instructions_are_executed() {
    // wfi; j .
    let (board, stop) = run(&[0x1050_0073, 0x0000_006f]);
    assert_eq!(stop, Stop::Time);
    assert_eq!(board.nanoseconds(), SECOND / 1000);
    assert!(board.hart.halted);
    assert!(board.bus.clock.instructions < 10, "{}", board.bus.clock.instructions);
}

/// Types `keys`, waits until the guest has answered, and returns the answer.
fn ask(board: &mut Board, keys: &[u8]) -> String {
    board.take_output();
    assert_eq!(board.type_in(keys), keys.len());
    assert_eq!(board.run_until(board.nanoseconds() + SECOND / 4), Stop::Time);
    String::from_utf8(board.take_output()).unwrap()
}

/// Has the guest verify itself, which takes the longer the longer it has run, and returns what it says.
fn verdict(board: &mut Board) -> String {
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

/// Has the guest verify itself, and panics if anything is wrong.
#[track_caller]
fn assert_right(board: &mut Board) {
    let verdict = verdict(board);
    assert!(verdict.starts_with("right: "), "{verdict}");
}

#[test]
fn the_guest_verifies_itself() {
    let mut board = board(HASHER);
    assert_eq!(board.run_until(SECOND + SECOND / 2), Stop::Time);
    let printed = String::from_utf8(board.take_output()).unwrap();
    assert!(printed.ends_with(&format!("{AFTER_A_SECOND}\n")), "{printed}");
    let answer = verdict(&mut board);
    assert!(answer.starts_with("right: 1.") && answer.ends_with(", 1 keys"), "{answer}");
    assert_eq!(ask(&mut board, b"ab"), "ab");
    board.type_in(b"q");
    assert_eq!(board.run_until(3 * SECOND), Stop::Finished(Finish::Pass));
}

#[test]
fn the_guest_notices_what_is_not_as_it_was() {
    type Damage = fn(&mut Board);
    let damage: [(&str, Damage); 4] = [
        ("the registers", |board| board.hart.regs.gpr[27] ^= 1 << 63),
        ("the memory", |board| {
            // Only the table is as full as that.
            let ram = &mut board.bus.memory.ram_mut()[HASHER.len().next_multiple_of(512)..];
            let full = |words: &[u8]| words.chunks(8).all(|word| word != [0; 8]);
            ram.chunks_mut(512).find(|words| full(words)).unwrap()[100] ^= 1;
        }),
        ("the time, which went backwards", |board| {
            board.bus.clint.time_delta = u64::MAX - 3_000_000;
            board.bus.clint.mtimer.timecmp = [0];
            board.run_until(board.nanoseconds() + SECOND / 100);
        }),
        ("the number of interrupts", |board| board.bus.clint.mtimer.timecmp = [u64::MAX]),
    ];
    for (what, damage) in damage {
        let mut board = board(HASHER);
        assert_eq!(board.run_until(SECOND + SECOND / 2), Stop::Time);
        assert!(board.hart.halted, "it waits, with the hash in its registers");
        damage(&mut board);
        board.type_in(b"v");
        let mut printed = String::new();
        while !printed.contains("keys") {
            board.run_until(board.nanoseconds() + SECOND / 20);
            // The guest waits for interrupts that are missing until this time is up.
            board.bus.clock.set(board.nanoseconds() + SECOND);
            printed += &String::from_utf8(board.take_output()).unwrap();
            assert!(board.nanoseconds() < 10 * SECOND, "{what}: {printed}");
        }
        assert!(printed.contains(&format!("WRONG: {what},")), "{what}: {printed}");
    }
}

mod any_program {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// A guest may come from anywhere. Its program may do anything but harm.
        #[test]
        fn harms_nobody(code in prop::collection::vec(any::<u32>(), 256), registers: [u64; 31], mtvec: u64) {
            let image: Vec<u8> = code.iter().flat_map(|instruction| instruction.to_le_bytes()).collect();
            let mut board = board(&image);
            board.hart.regs.pc = 0x8000_0000;
            for (register, value) in board.hart.regs.gpr[1..].iter_mut().zip(registers) {
                // Most of them point to devices or to the memory.
                *register = match value % 5 {
                    0 => value,
                    1 => 0x8000_0000 + value / 4 % 2048,
                    2 => 0x1000_0000 + value / 4 % 16,
                    3 => [0x200_0000, 0x200_4000, 0x200_bff8, 0x10_1000, 0x1010_0000][value as usize / 5 % 5] + value / 25 % 32,
                    _ => 0xc00_0000 + value / 4 % 0x40_0000,
                };
            }
            board.hart.regs.mtvec = 0x8000_0000 + mtvec % 1024;
            board.run_until(SECOND / 10_000);
            prop_assert_eq!(board.hart.regs.gpr[0], 0);
        }
    }
}

#[cfg(feature = "qemu")]
mod qemu {
    mod places;

    use std::fs;
    use std::io::{BufRead, BufReader, Write};
    use std::path::Path;
    use std::process::{Command, Stdio};

    use tempfile::TempDir;
    use vmstate_tests::qemu::VERSIONS;

    use super::*;

    /// The options that give QEMU's hart no other mode than machine mode, and no floating point registers.
    fn hart(program: &str, version: &str) -> Vec<&'static str> {
        match (program, version) {
            ("csr", "7.2") => vec!["-cpu", "rv64,s=off,u=off,h=off,f=off,d=off"],
            ("csr", _) => vec!["-cpu", "rv64,s=off,u=off,h=off,f=off,d=off,zfa=off"],
            _ => vec![],
        }
    }

    #[test]
    fn runs_the_guest_that_verifies_itself() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("hasher");
        fs::write(&path, HASHER).unwrap();
        for version in VERSIONS {
            let mut child = qemu(version, &path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            assert!(lines.next().unwrap().unwrap().starts_with("hasher: "), "{version}");
            assert_eq!(lines.next().unwrap().unwrap(), AFTER_A_SECOND, "{version}");
            child.stdin.take().unwrap().write_all(b"vq").unwrap();
            let verdict = lines.map(Result::unwrap).find(|line| line.contains("keys"));
            assert!(verdict.as_ref().is_some_and(|line| line.starts_with("right: ")), "{version}: {verdict:?}");
            assert!(child.wait().unwrap().success(), "{version}");
        }
    }

    /// A QEMU with the program at `image`, with the serial port at its standard input and output.
    fn qemu(version: &str, image: &Path) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("qemu/run");
        let mut command = Command::new("timeout");
        command.args(["30", &script.display().to_string(), version, "riscv64", "-M", "virt", "-bios"]);
        command.arg(image).args(["-display", "none", "-monitor", "none", "-serial", "stdio"]);
        command
    }

    #[test]
    fn prints_the_same() {
        let folder = TempDir::new().unwrap();
        for (Program { name, image, expected }, version) in
            PROGRAMS.into_iter().flat_map(|program| VERSIONS.map(|version| (Program { ..program }, version)))
        {
            let path = folder.path().join(name);
            fs::write(&path, image).unwrap();
            let output = qemu(version, &path).args(hart(name, version)).stdin(Stdio::null()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name} on QEMU {version}: {}\n{said}", output.status);
            assert_printed(name, &String::from_utf8(output.stdout).unwrap(), expected);
        }
    }
}
