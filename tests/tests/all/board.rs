//! The RISC-V board of the examples, compared with QEMU's.
//!
//! The programs are in examples/guest, with the output that they have in QEMU.

use vmstate_examples::virt::{Board, Finish, Stop, Unsupported};
use vmstate_tests::guests::{AFTER_A_SECOND, HASHER, PROGRAMS, Program, SECOND, ask, assert_printed, verdict};

#[cfg(target_os = "linux")]
mod background;
mod chaos;
mod dirty_log;
mod live;
mod places;
mod postcopy;
mod rewind;
mod snapshots;

const MEMORY: usize = 1 << 20;

fn board(image: &[u8]) -> Board {
    let mut board = Board::new(MEMORY);
    board.load_image(image).unwrap();
    board
}

#[test]
fn programs_print_the_same_as_in_qemu() {
    for Program { name, image, expected } in PROGRAMS {
        let mut board = board(image);
        assert_eq!(board.run_until(10 * SECOND), Stop::Finished(Finish::Pass), "{name}");
        assert_printed(name, &String::from_utf8(board.take_output()).unwrap(), expected);
    }
}

#[test]
fn run_in_pieces_equals_one_run() {
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
    assert!(pieces.bus.memory.ram().to_vec() == whole.bus.memory.ram().to_vec());
    assert_eq!(pieces.take_output(), whole.take_output());
}

#[test]
fn run_in_single_steps_equals_one_run() {
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
fn unsupported_instruction_stops_the_board() {
    // Set a lock in pmpcfg0: csrwi 0x3a0, 0 would be fine; li t0, 0x80; csrw 0x3a0, t0.
    let (board, stop) = run(&[0x0800_0293, 0x3a02_9073]);
    assert_eq!((stop, board.hart.regs.pc), (Stop::Unsupported(Unsupported::LockedMemory), 0x8000_0004));
    // mret, in a hart whose mstatus has user mode as the previous mode.
    let mut board = self::board(&0x3020_0073_u32.to_le_bytes());
    board.hart.regs.mstatus &= !0x1800;
    let stop = board.run_until(SECOND);
    assert_eq!((stop, board.hart.regs.pc), (Stop::Unsupported(Unsupported::Mode), 0x8000_0000));
    assert_eq!(board.run_until(2 * SECOND), stop, "and again");
}

#[test]
fn oversized_image_is_rejected() {
    let mut board = Board::new(4096);
    let error = board.load_image(&[0; 4097]).unwrap_err();
    assert_eq!(error.to_string(), "a program of 4097 bytes exceeds the board's memory of 4096 bytes");
    assert_eq!(board.load_image(&[0; 4096]), Ok(()));
}

#[test]
fn waiting_hart_executes_nothing() {
    // wfi; j .
    let (board, stop) = run(&[0x1050_0073, 0x0000_006f]);
    assert_eq!(stop, Stop::Time);
    assert_eq!(board.nanoseconds(), SECOND / 1000);
    assert!(board.hart.halted);
    assert!(board.bus.clock.instructions < 10, "{}", board.bus.clock.instructions);
}

#[test]
fn guest_verifies_itself() {
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
fn guest_detects_changed_state() {
    type Damage = fn(&mut Board);
    let damage: [(&str, Damage); 4] = [
        ("the registers", |board| board.hart.regs.gpr[27] ^= 1 << 63),
        ("the memory", |board| {
            // Only the table is as full as that.
            let start = HASHER.len().next_multiple_of(512);
            let full = |words: &[u8]| words.chunks(8).all(|word| word != [0; 8]);
            let ram = board.bus.memory.ram();
            let table = ram.to_vec()[start..].chunks(512).position(full).unwrap();
            let place = start + table * 512 + 100;
            let [byte] = ram.load(place).unwrap();
            ram.store(place, [byte ^ 1]).unwrap();
        }),
        ("the time, which went backwards", |board| {
            board.bus.clint.mtimer.time_delta = u64::MAX - 3_000_000;
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
        fn never_panics(code in prop::collection::vec(any::<u32>(), 256), registers: [u64; 31], mtvec: u64) {
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
