//! The AVR processor core: QEMU's section "cpu" on AVR machines.
//!
//! The fields follow QEMU's `vms_avr_cpu` (`target/avr/machine.c`).

use vmstate::Info;
use vmstate::prelude::*;

/// An 8-bit AVR core.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu")]
pub struct Cpu {
    /// The program counter in words of two bytes.
    #[vmstate(name = "env.pc_w")]
    pub pc: u32,
    /// The stack pointer.
    #[vmstate(name = "env.sp")]
    pub sp: u32,
    /// True if the next instruction is skipped.
    #[vmstate(name = "env.skip")]
    pub skip: u32,
    /// The registers r0 to r31, 8 bits each, which QEMU stores in 32 bits.
    #[vmstate(name = "env.r")]
    pub r: [u32; 32],
    /// The status register.
    #[vmstate(name = "env", with = Sreg)]
    pub flags: Flags,
    /// The upper bits of direct addresses.
    #[vmstate(name = "env.rampD", with = RampD)]
    pub ramp_d: u8,
    /// The upper bits of X.
    #[vmstate(name = "env.rampX", with = RampX)]
    pub ramp_x: u8,
    /// The upper bits of Y.
    #[vmstate(name = "env.rampY", with = RampY)]
    pub ramp_y: u8,
    /// The upper bits of Z.
    #[vmstate(name = "env.rampZ", with = RampZ)]
    pub ramp_z: u8,
    /// The upper bits of indirect jumps.
    #[vmstate(name = "env.eind", with = Eind)]
    pub eind: u8,
}

/// The flags of the status register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// Carry.
    pub c: bool,
    /// Zero.
    pub z: bool,
    /// Negative.
    pub n: bool,
    /// Two's complement overflow.
    pub v: bool,
    /// The sign: negative or overflow, but not both.
    pub s: bool,
    /// Half carry.
    pub h: bool,
    /// The bit copy storage.
    pub t: bool,
    /// Interrupts enabled.
    pub i: bool,
}

impl Cpu {
    /// Returns the address of the next instruction in bytes.
    #[must_use]
    pub fn pc_in_bytes(&self) -> u64 {
        u64::from(self.pc) * 2
    }

    /// Returns the pointer X: r26, r27 and `rampX`.
    #[must_use]
    pub fn x(&self) -> u32 {
        self.pointer(26, self.ramp_x)
    }

    /// Returns the pointer Y: r28, r29 and `rampY`.
    #[must_use]
    pub fn y(&self) -> u32 {
        self.pointer(28, self.ramp_y)
    }

    /// Returns the pointer Z: r30, r31 and `rampZ`.
    #[must_use]
    pub fn z(&self) -> u32 {
        self.pointer(30, self.ramp_z)
    }

    fn pointer(&self, low: usize, ramp: u8) -> u32 {
        u32::from(ramp) << 16 | (self.r[low + 1] & 0xff) << 8 | (self.r[low] & 0xff)
    }
}

/// The flags as one byte with C in the lowest bit.
#[derive(Debug)]
pub struct Sreg;

impl Info<Flags> for Sreg {
    const NAME: &'static str = "sreg";
    const SIZE: Option<usize> = Some(1);

    fn put(flags: &Flags, to: &mut Writer) -> Result<(), SaveError> {
        let Flags { c, z, n, v, s, h, t, i } = *flags;
        to.u8([i, t, h, s, v, n, z, c].into_iter().fold(0, |byte, flag| byte << 1 | u8::from(flag)));
        Ok(())
    }

    fn get(flags: &mut Flags, from: &mut Reader<'_>) -> Result<(), LoadError> {
        let byte = from.u8()?;
        let [c, z, n, v, s, h, t, i] = std::array::from_fn(|bit| byte >> bit & 1 == 1);
        *flags = Flags { c, z, n, v, s, h, t, i };
        Ok(())
    }
}

/// Defines one-byte infos that differ from `uint8` only in their names.
macro_rules! named_bytes {
    ($($info:ident $name:literal;)*) => {$(
        #[doc = concat!("One byte that QEMU calls `", $name, "`.")]
        #[derive(Debug)]
        pub struct $info;

        impl Info<u8> for $info {
            const NAME: &'static str = $name;
            const SIZE: Option<usize> = Some(1);

            fn put(byte: &u8, to: &mut Writer) -> Result<(), SaveError> {
                to.u8(*byte);
                Ok(())
            }

            fn get(byte: &mut u8, from: &mut Reader<'_>) -> Result<(), LoadError> {
                *byte = from.u8()?;
                Ok(())
            }
        }
    )*};
}

named_bytes! {
    RampD "rampD";
    RampX "rampX";
    RampY "rampY";
    RampZ "rampZ";
    Eind "eind";
}
