//! The Game Boy of `mizu-core` runs a program with interrupts, sound, scrolling and banked RAM.

#[path = "../compare.rs"]
mod compare;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use compare::{Emulator, compare, load, save};
use mizu_core::{GameBoy, JoypadButton};

const START: usize = 0x150;
/// Fills RAM, tiles and the scroll position with a running sum.
const PROGRAM: &[u8] = &[
    0x31, 0xfe, 0xff, // LD SP, fffe
    0x3e, 0x0a, 0xea, 0x00, 0x00, // LD A, 0a; LD (0000), A: RAM on
    0x3e, 0x80, 0xe0, 0x26, // sound on
    0x3e, 0x77, 0xe0, 0x24, 0x3e, 0xff, 0xe0, 0x25, // volume, channels
    0x3e, 0x80, 0xe0, 0x11, 0x3e, 0xf3, 0xe0, 0x12, // pulse: duty, envelope
    0x3e, 0x83, 0xe0, 0x13, 0x3e, 0x87, 0xe0, 0x14, // frequency, start
    0x3e, 0xc0, 0xe0, 0x06, 0x3e, 0x05, 0xe0, 0x07, // timer
    0x3e, 0x05, 0xe0, 0xff, // interrupts of the screen and the timer
    0xfb, // EI
    // outer:
    0x21, 0x00, 0xc0, // LD HL, c000
    // inner:
    0xf0, 0x04, // LDH A, (DIV)
    0x86, // ADD A, (HL)
    0x22, // LD (HL+), A
    0xe0, 0x43, // LDH (SCX), A
    0xea, 0x00, 0xa0, // LD (a000), A
    0xea, 0x10, 0x80, // LD (8010), A
    0xea, 0x03, 0x98, // LD (9803), A
    0xf0, 0x00, // LDH A, (P1)
    0xea, 0x02, 0xc2, // LD (c202), A
    0x3e, 0x10, 0xe0, 0x00, // select the buttons
    0x7c, // LD A, H
    0xfe, 0xc1, // CP c1
    0x20, 0xe3, // JR NZ, inner
    0x18, 0xde, // JR outer
];
/// Counts frames, scrolls, and changes the tone.
const SCREEN: &[u8] = &[0xf5, 0xfa, 0x00, 0xc2, 0x3c, 0xea, 0x00, 0xc2, 0xe0, 0x42, 0xe0, 0x13, 0xf1, 0xd9];
/// Counts ticks, and changes the palette.
const TIMER: &[u8] = &[0xf5, 0xfa, 0x01, 0xc2, 0xc6, 0x07, 0xea, 0x01, 0xc2, 0xe0, 0x47, 0xf1, 0xd9];

/// Writes the game next to the sources of the emulator, which contain the logo that it expects.
fn game() -> &'static Path {
    static GAME: OnceLock<PathBuf> = OnceLock::new();
    GAME.get_or_init(|| {
        let sources = PathBuf::from(std::env::args().nth(1).expect("the folder of the emulator"));
        let mut rom = vec![0; 0x8000];
        for (at, part) in [(START, PROGRAM), (0x40, SCREEN), (0x50, TIMER), (0x100, &[0, 0xc3, 0x50, 0x01])] {
            rom[at..at + part.len()].copy_from_slice(part);
        }
        let logo = logo(&std::fs::read_to_string(sources.join("src/cartridge.rs")).unwrap());
        rom[0x104..0x134].copy_from_slice(&logo);
        // A mapper with RAM, and the size of the RAM.
        (rom[0x147], rom[0x149]) = (2, 2);
        rom[0x14d] = rom[0x134..0x14d].iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte).wrapping_sub(1));
        let game = sources.join("game.gb");
        std::fs::write(&game, rom).unwrap();
        game
    })
}

/// Returns the first 48 hexadecimal numbers after the name of the logo.
fn logo(source: &str) -> Vec<u8> {
    let (_, after) = source.split_once("LOGO_DATA").expect("the logo");
    let numbers = after.split("0x").skip(1).filter_map(|number| u8::from_str_radix(number.get(..2)?, 16).ok());
    numbers.take(48).collect()
}

struct Mizu(Box<GameBoy>);

impl Emulator for Mizu {
    fn start() -> Self {
        let builder = GameBoy::builder(game()).save_on_shutdown(false);
        Self(Box::new(builder.build().unwrap()))
    }

    fn frame(&mut self, number: u32) -> Vec<u8> {
        let Self(console) = self;
        for (bit, button) in [JoypadButton::A, JoypadButton::B, JoypadButton::Start].into_iter().enumerate() {
            match number >> bit & 1 {
                0 => console.release_joypad(button),
                _ => console.press_joypad(button),
            }
        }
        console.clock_for_frame();
        let mut output = console.screen_buffer().to_vec();
        output.extend(console.audio_buffers().all().iter().flat_map(|sample| sample.to_be_bytes()));
        output
    }

    fn save(&mut self) -> Vec<u8> {
        save(&mut *self.0)
    }

    fn load(&mut self, mut state: &[u8]) {
        load(&mut *self.0, &mut state);
        assert!(state.is_empty());
    }
}

fn main() {
    compare::<Mizu>("mizu-core");
}
