//! Shows an emulator of the CHIP-8 that keeps a state for each frame, rewinds two seconds, and runs ahead.
//!
//! ```text
//! 600 states of 6182 bytes in 14 KB: 25 bytes each
//! rewound from frame 600 to frame 480, volume 7
//! continues identically: true
//! run-ahead by 2 frames: shows frame 603, continues after frame 601
//! ```
//!
//! The program also runs in WebAssembly: see `tests/wasm`.

use std::error::Error;

use vmstate::info::Sequence;
use vmstate::prelude::*;
use vmstate::rewind::{Rewind, RunAhead};

/// The instructions per frame.
const SPEED: usize = 10;

/// A point that moves to the right, and down while the key 0 is pressed, and leaves a trail.
const PROGRAM: [u8; 17] = [
    0x60, 0x05, // v0 = 5
    0x61, 0x03, // v1 = 3
    0xa2, 0x10, // i = the sprite
    0xd0, 0x11, // draw one line at v0, v1
    0x70, 0x01, // v0 += 1
    0xe2, 0xa1, // skip unless the key v2 is pressed
    0x71, 0x01, // v1 += 1
    0x12, 0x06, // draw again
    0x80, // the sprite: one point
];

#[derive(VmState, Clone, PartialEq)]
#[vmstate(name = "chip8")]
struct Chip8 {
    #[vmstate(equal = "load the state into the same program")]
    program_hash: u32,
    frame: u32,
    #[vmstate(buffer)]
    memory: Box<[u8; 4096]>,
    v: [u8; 16],
    i: u16,
    program_counter: u16,
    #[vmstate(with = Sequence<16>)]
    stack: Vec<u16>,
    #[vmstate(with = Sequence<2>)]
    timers: Vec<u8>,
    screen: Box<[[bool; 64]; 32]>,
    #[vmstate(skip = "input of the next frame")]
    keys: [bool; 16],
    #[vmstate(skip = "a setting of the player")]
    volume: u8,
}

impl Chip8 {
    fn new(program: &[u8]) -> Self {
        let mut memory = Box::new([0; 4096]);
        memory[0x200..0x200 + program.len()].copy_from_slice(program);
        Self {
            program_hash: program.iter().fold(0, |hash: u32, byte| hash.wrapping_mul(31) ^ u32::from(*byte)),
            frame: 0,
            memory,
            v: [0; 16],
            i: 0,
            program_counter: 0x200,
            stack: Vec::new(),
            timers: vec![0; 2],
            screen: Box::new([[false; 64]; 32]),
            keys: [false; 16],
            volume: 5,
        }
    }

    fn run_frame(&mut self) {
        // The player presses the key for three frames of each ten.
        self.keys[0] = self.frame % 10 < 3;
        for _ in 0..SPEED {
            self.step();
        }
        self.timers.iter_mut().for_each(|timer| *timer = timer.saturating_sub(1));
        self.frame += 1;
    }

    fn step(&mut self) {
        let at = usize::from(self.program_counter & 0xffe);
        let [high, low] = [self.memory[at], self.memory[at + 1]];
        self.program_counter += 2;
        let x = usize::from(high & 0xf);
        let address = u16::from(high & 0xf) << 8 | u16::from(low);
        match high >> 4 {
            0x0 if low == 0xee => self.program_counter = self.stack.pop().unwrap_or(0x200),
            0x1 => self.program_counter = address,
            0x2 => {
                self.stack.push(self.program_counter);
                self.program_counter = address;
            }
            0x6 => self.v[x] = low,
            0x7 => self.v[x] = self.v[x].wrapping_add(low),
            0xa => self.i = address,
            0xd => self.draw(self.v[x], self.v[usize::from(low >> 4)], low & 0xf),
            0xe if !self.keys[usize::from(self.v[x] & 0xf)] => self.program_counter += 2,
            0xf if low == 0x15 => self.timers[0] = self.v[x],
            _ => {}
        }
    }

    fn draw(&mut self, x: u8, y: u8, lines: u8) {
        for line in 0..lines {
            let bits = self.memory[usize::from(self.i + u16::from(line)) & 0xfff];
            for column in (0..8).filter(|column| bits << column & 0x80 != 0) {
                let row = &mut self.screen[usize::from(y.wrapping_add(line)) % 32];
                let point = &mut row[usize::from(x.wrapping_add(column)) % 64];
                *point = !*point;
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut chip8 = Chip8::new(&PROGRAM);
    let mut rewind = Rewind::new(64 * 1024);
    for _ in 0..600 {
        rewind.push(&mut chip8)?;
        chip8.run_frame();
    }
    let states = rewind.len();
    let size = chip8.saved_size()?;
    println!("{states} states of {size} bytes in {} KB: {} bytes each", rewind.used() / 1024, rewind.used() / states);

    let later = chip8.clone();
    chip8.volume = 7;
    for _ in 0..120 {
        rewind.pop(&mut chip8)?;
    }
    println!("rewound from frame {} to frame {}, volume {}", later.frame, chip8.frame, chip8.volume);
    for _ in 0..120 {
        chip8.run_frame();
    }
    println!("continues identically: {}", chip8 == Chip8 { volume: 7, ..later });

    let mut run_ahead = RunAhead::new(2);
    let mut shown = 0;
    run_ahead.frame(&mut chip8, |chip8, frame| {
        chip8.run_frame();
        if frame.is_shown() {
            shown = chip8.frame;
        }
    })?;
    println!("run-ahead by 2 frames: shows frame {shown}, continues after frame {}", chip8.frame);
    Ok(())
}
