//! The guest changes places between boards.

use vmstate::Reader;
use vmstate::schema::Release;
use vmstate_examples::virt::Board;

use vmstate_tests::guests::{HASHER, SECOND, assert_right};
use vmstate_tests::releases::RELEASES;

use super::board;

/// A board whose guest has run for a while.
fn travelled() -> Board {
    let mut board = board(HASHER);
    board.run_until(SECOND / 3);
    board.take_output();
    board
}

fn saved(board: &mut Board, release: Release) -> Vec<u8> {
    let mut stream = Vec::new();
    board.save(&mut stream, release).unwrap();
    stream
}

fn loaded(stream: &[u8]) -> Board {
    let mut board = Board::new(super::MEMORY);
    board.load(&mut Reader::from_slice(stream)).unwrap_or_else(|error| panic!("{error}"));
    board
}

#[test]
fn guest_is_unchanged_by_100_hops() {
    let mut staying = board(HASHER);
    let mut moving = board(HASHER);
    for hop in 1..=100 {
        // Anywhere: in the handler, in the middle of a step, or while the hart waits.
        let until = hop * 7_654_321;
        staying.run_until(until);
        moving.run_until(until);
        assert_eq!(moving.take_output(), staying.take_output(), "hop {hop}");
        moving = loaded(&saved(&mut moving, RELEASES[hop as usize % 2]));
        assert_eq!(moving.nanoseconds(), staying.nanoseconds(), "hop {hop}");
        assert_eq!(moving.hart.regs.gpr, staying.hart.regs.gpr, "hop {hop}");
    }
    assert!(moving.bus.memory.ram().to_vec() == staying.bus.memory.ram().to_vec());
    assert_right(&mut moving);
    assert_right(&mut staying);
}

#[test]
fn unread_keys_move_with_the_guest() {
    let mut board = travelled();
    // The port has them; the guest was not asked yet.
    assert_eq!(board.type_in(b"x"), 1);
    let mut board = loaded(&saved(&mut board, Release::Qemu10_0));
    board.run_until(SECOND / 2);
    assert_eq!(board.take_output(), b"x");
}

#[test]
fn failed_load_leaves_board_unchanged() {
    let mut other = travelled();
    let stream = saved(&mut other, Release::Qemu10_0);
    let mut board = travelled();
    board.run_until(SECOND / 2);
    let before = saved(&mut board, Release::Qemu10_0);
    let in_serial = stream.windows(7).position(|window| window == b"\x06serial").unwrap() + 30;
    for length in [0, 100, stream.len() / 2, in_serial] {
        let error = board.load(&mut Reader::from_slice(&stream[..length])).unwrap_err();
        assert!(error.is_truncated(), "{length}: {error}");
        assert!(saved(&mut board, Release::Qemu10_0) == before, "{length}");
    }
    assert_right(&mut board);
}

#[test]
fn corrupt_stream_error_names_the_field() {
    let mut board = travelled();
    let mut stream = saved(&mut board, Release::Qemu10_0);
    // The header of the section is followed by the divider and eight registers, of which the sixth is `lsr`.
    let section = stream.windows(7).position(|window| window == b"\x06serial").unwrap();
    let lsr = section + 7 + 8 + 2 + 5;
    assert_eq!(stream[lsr], 0x60);
    stream[lsr] = 0x20;
    let error = board.load(&mut Reader::from_slice(&stream)).unwrap_err().to_string();
    assert!(error.contains("section \"serial\"") && error.contains("`lsr` is 0x20"), "{error}");
    assert_right(&mut board);
}

#[test]
fn unsupported_board_is_rejected() {
    type Change = fn(&mut Board);
    let cases: [(Change, &str); 4] = [
        (|board| board.hart.regs.privilege = 1, "leaves machine mode"),
        (|board| board.hart.regs.misa_ext &= !1, "lacks instructions of RV64IMAC"),
        (|board| board.hart.regs.pmp.as_mut().unwrap().entries[3].cfg_reg = 0x80, "memory protection"),
        (|board| board.bus.clock.set(u64::MAX), "a time after the start"),
    ];
    for (change, expected) in cases {
        let mut strange = travelled();
        change(&mut strange);
        let stream = saved(&mut strange, Release::Qemu10_0);
        let mut board = travelled();
        let error = board.load(&mut Reader::from_slice(&stream)).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert_right(&mut board);
    }
    let error = Board::new(4 << 20).load(&mut Reader::from_slice(&saved(&mut travelled(), Release::Qemu10_0)));
    assert!(error.unwrap_err().to_string().contains("riscv_virt_board.ram"));
}

mod any_bytes {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A board that was loaded from corrupted bytes must not panic.
        #[test]
        fn never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
            let mut board = travelled();
            let mut stream = saved(&mut board, Release::Qemu7_2);
            // The devices, between the memory and the description.
            let start = stream.windows(6).position(|window| window == b"\x05timer").unwrap();
            let devices = stream.windows(12).position(|window| window == b"{\"page_size\"").unwrap() - start;
            for (index, byte) in changes {
                let at = start + index.index(devices);
                stream[at] = byte;
            }
            let mut board = Board::new(super::super::MEMORY);
            if board.load(&mut Reader::from_slice(&stream)).is_ok() {
                board.run_until(board.nanoseconds() + SECOND / 1000);
                board.type_in(b"v");
                board.run_until(board.nanoseconds() + SECOND / 1000);
                saved(&mut board, Release::Qemu10_0);
            }
        }
    }
}
