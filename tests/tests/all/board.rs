//! The RISC-V board of the examples: it does what QEMU's does.
//!
//! The programs are in examples/guest; what they print was printed by QEMU.

use vmstate_examples::virt::{Board, Finish, Stop, Unsupported};

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

const PROGRAMS: [Program; 3] = programs!["isa", "traps", "csr"];
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
    assert_eq!(pieces.bus.memory.ram.bytes, whole.bus.memory.ram.bytes);
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
                *register = match value % 4 {
                    0 => value,
                    1 => 0x8000_0000 + value / 4 % 2048,
                    2 => 0x1000_0000 + value / 4 % 16,
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
    use std::fs;
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
    fn prints_the_same() {
        let folder = TempDir::new().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("qemu/run");
        for (Program { name, image, expected }, version) in
            PROGRAMS.into_iter().flat_map(|program| VERSIONS.map(|version| (Program { ..program }, version)))
        {
            let path = folder.path().join(name);
            fs::write(&path, image).unwrap();
            let output = Command::new("timeout")
                .args(["30", &script.display().to_string(), version, "riscv64", "-M", "virt", "-bios"])
                .arg(path)
                .args(hart(name, version))
                .args(["-display", "none", "-monitor", "none", "-serial", "stdio"])
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name} on QEMU {version}: {}\n{said}", output.status);
            assert_printed(name, &String::from_utf8(output.stdout).unwrap(), expected);
        }
    }
}
