//! Structs with the shape of emulated consoles: many small nested structs, memories, enums with fields, options and
//! collections.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use smart_default::SmartDefault;
use vmstate::VmState;
use vmstate::info::Sequence;

/// Defines types that derive both formats.
macro_rules! state {
    ($($(#[$attribute:meta])* $kind:ident $name:ident { $($body:tt)* })*) => {$(
        #[derive(VmState, Serialize, Deserialize, Clone, Debug, PartialEq, SmartDefault)]
        $(#[$attribute])*
        pub(crate) $kind $name { $($body)* }
    )*};
}

state! {
    #[vmstate(name = "nes")]
    struct Nes {
        cpu: Cpu6502,
        ppu: Ppu,
        apu: Apu,
        mapper: Mapper,
        pads: [Pad; 2],
        #[serde(with = "serde_bytes")]
        #[default([0; 2048])]
        ram: [u8; 2048],
        #[vmstate(with = Sequence<0x8000>)]
        #[serde(with = "serde_bytes")]
        work_ram: Vec<u8>,
        #[vmstate(with = Sequence<0x8000>)]
        #[serde(with = "serde_bytes")]
        character_ram: Vec<u8>,
        #[vmstate(option)]
        transfer: Option<Transfer>,
        cycles: u64,
        open_bus: u8,
    }

    struct Cpu6502 {
        accumulator: u8, x: u8, y: u8, stack: u8, status: u8, counter: u16, cycles: u64, nmi_line: bool,
        nmi_pending: bool, irq_lines: u8, halted: bool, opcode: u8, step: u8, address: u16,
    }

    struct Ppu {
        control: u8, mask: u8, status: u8, oam_address: u8, address: u16, latch: u16, fine_x: u8, second_write: bool,
        read_buffer: u8, line: i16, dot: u16, frame: u64, odd: bool, nmi_output: bool,
        background: Shifter,
        sprites: [Sprite; 8],
        sprite_count: u8,
        palette: [u8; 32],
        #[serde(with = "serde_bytes")]
        #[default([0; 256])]
        oam: [u8; 256],
        #[serde(with = "serde_bytes")]
        #[default([0; 4096])]
        nametables: [u8; 4096],
    }

    struct Shifter { pattern_low: u16, pattern_high: u16, attribute_low: u16, attribute_high: u16, next: [u8; 4] }

    struct Sprite { low: u8, high: u8, attributes: u8, x: u8, index: u8 }

    struct Apu {
        pulses: [Pulse; 2], triangle: Triangle, noise: Noise, sampler: Sampler, frame_step: u8, frame_cycles: u32,
        five_steps: bool, irq_disabled: bool, irq_pending: bool,
    }

    struct Envelope { start: bool, looping: bool, constant: bool, period: u8, divider: u8, level: u8 }

    struct Pulse {
        enabled: bool, duty: u8, phase: u8, timer: u16, period: u16, length: u8, halted: bool, envelope: Envelope,
        sweep_enabled: bool, sweep_period: u8, sweep_divider: u8, sweep_negates: bool, sweep_shift: u8, sweep_reload: bool,
    }

    struct Triangle {
        enabled: bool, phase: u8, timer: u16, period: u16, length: u8, halted: bool, linear: u8, linear_reload: u8,
        reload: bool,
    }

    struct Noise {
        enabled: bool, mode: bool, shift: u16, timer: u16, period: u16, length: u8, halted: bool, envelope: Envelope,
    }

    struct Sampler {
        enabled: bool, irq: bool, looping: bool, timer: u16, period: u16, level: u8, address: u16, current: u16,
        length: u16, left: u16, shift: u8, bits: u8, silent: bool, #[vmstate(option)] buffer: Option<u8>,
    }

    #[vmstate(repr = u8)]
    enum Mapper {
        #[default]
        Fixed,
        Serial { shift: u8, count: u8, control: u8, banks: [u8; 3] },
        Banked { select: u8, banks: [u8; 8], irq_latch: u8, irq_counter: u8, irq_enabled: bool, irq_reload: bool, mirroring: Mirroring },
    }

    #[vmstate(repr = u8)]
    enum Mirroring {
        #[default]
        Horizontal,
        Vertical,
        Single,
    }

    struct Pad { buttons: u8, shift: u8, strobe: bool }

    struct Transfer { page: u8, offset: u8, byte: u8, read: bool }

    #[vmstate(name = "game boy")]
    struct GameBoy {
        cpu: CpuSm83,
        lcd: Lcd,
        timer: Timer,
        sound: Sound,
        cartridge: Cartridge,
        #[serde(with = "serde_bytes")]
        #[default([0; 32768])]
        work_ram: [u8; 32768],
        #[serde(with = "serde_bytes")]
        #[default([0; 127])]
        high_ram: [u8; 127],
        interrupts: u8,
        enabled_interrupts: u8,
        #[vmstate(option)]
        serial: Option<u8>,
        double_speed: bool,
        buttons: u8,
        cycles: u64,
    }

    struct CpuSm83 {
        a: u8, f: u8, b: u8, c: u8, d: u8, e: u8, h: u8, l: u8, stack: u16, counter: u16, interrupts: bool,
        enable_next: bool, halted: bool, stopped: bool, opcode: u8, step: u8,
    }

    struct Lcd {
        control: u8, status: u8, scroll_x: u8, scroll_y: u8, line: u8, compare: u8, window_x: u8, window_y: u8,
        window_line: u8, dot: u16, mode: Mode, bank: u8, palettes: [u8; 3],
        #[serde(with = "serde_bytes")]
        #[default([0; 64])]
        background_colors: [u8; 64],
        #[serde(with = "serde_bytes")]
        #[default([0; 64])]
        object_colors: [u8; 64],
        #[serde(with = "serde_bytes")]
        #[default([0; 16384])]
        video_ram: [u8; 16384],
        #[serde(with = "serde_bytes")]
        #[default([0; 160])]
        oam: [u8; 160],
        #[vmstate(with = Sequence<16>)]
        pixels: VecDeque<Pixel>,
        #[vmstate(with = Sequence<10>)]
        objects: Vec<Object>,
    }

    #[vmstate(repr = u8)]
    enum Mode {
        #[default]
        HorizontalBlank,
        VerticalBlank,
        Search,
        Drawing { x: u8, fetcher: u8, tile: u16 },
    }

    struct Pixel { color: u8, palette: u8, priority: bool }

    struct Object { y: u8, x: u8, tile: u8, flags: u8 }

    struct Timer { divider: u16, counter: u8, modulo: u8, control: u8, reload: bool }

    struct Sound {
        square: [Square; 2], wave: Wave, noise: Hiss, left: u8, right: u8, panning: u8, enabled: bool, sequence: u8,
    }

    struct Square {
        enabled: bool, dac: bool, duty: u8, phase: u8, timer: u16, frequency: u16, length: u8, length_enabled: bool,
        volume: u8, envelope: u8, envelope_timer: u8, sweep: u8, sweep_timer: u8, shadow: u16,
    }

    struct Wave {
        enabled: bool, dac: bool, timer: u16, frequency: u16, length: u16, length_enabled: bool, volume: u8, position: u8,
        samples: [u8; 16],
    }

    struct Hiss {
        enabled: bool, dac: bool, timer: u32, shift: u16, polynomial: u8, length: u8, length_enabled: bool, volume: u8,
        envelope: u8, envelope_timer: u8,
    }

    #[vmstate(repr = u8)]
    enum Cartridge {
        #[default]
        Plain,
        Banked {
            ram_enabled: bool, low: u8, high: u8, mode: bool,
            #[vmstate(with = Sequence<0x20000>)]
            #[serde(with = "serde_bytes")]
            ram: Vec<u8>,
        },
        Clock {
            ram_enabled: bool, bank: u8, selected: u8, latched: [u8; 5], clock: [u8; 5], seconds: u64,
            #[vmstate(with = Sequence<0x20000>)]
            #[serde(with = "serde_bytes")]
            ram: Vec<u8>,
        },
    }
}

/// Returns `N` bytes without a pattern.
fn noise<const N: usize>() -> [u8; N] {
    let mut state = 1_u32;
    std::array::from_fn(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
}

/// Returns an NES in the middle of a frame.
pub(crate) fn nes() -> Nes {
    let ppu =
        Ppu { nametables: noise(), oam: noise(), palette: noise(), line: 120, dot: 77, frame: 4_000, ..Ppu::default() };
    let mapper = Mapper::Banked {
        select: 6,
        banks: noise(),
        irq_latch: 30,
        irq_counter: 12,
        irq_enabled: true,
        irq_reload: false,
        mirroring: Mirroring::Vertical,
    };
    Nes {
        cpu: Cpu6502 { accumulator: 5, counter: 0xc123, cycles: 119_318_160, ..Cpu6502::default() },
        ppu,
        mapper,
        ram: noise(),
        work_ram: noise::<0x2000>().into(),
        character_ram: noise::<0x2000>().into(),
        transfer: Some(Transfer { page: 2, offset: 9, byte: 200, read: true }),
        cycles: 119_318_160,
        ..Nes::default()
    }
}

/// Returns a Game Boy that draws a line.
pub(crate) fn game_boy() -> GameBoy {
    let lcd = Lcd {
        mode: Mode::Drawing { x: 40, fetcher: 3, tile: 0x1a0 },
        video_ram: noise(),
        oam: noise(),
        background_colors: noise(),
        pixels: vec![Pixel { color: 2, palette: 1, priority: true }; 11].into(),
        objects: vec![Object { y: 70, x: 48, tile: 9, flags: 0x20 }; 6],
        line: 70,
        ..Lcd::default()
    };
    let cartridge = Cartridge::Clock {
        ram_enabled: true,
        bank: 7,
        selected: 2,
        latched: noise(),
        clock: noise(),
        seconds: 1_700_000_000,
        ram: noise::<0x8000>().into(),
    };
    GameBoy {
        lcd,
        cartridge,
        work_ram: noise(),
        high_ram: noise(),
        serial: Some(3),
        cycles: 70_224_000,
        ..GameBoy::default()
    }
}
