//! The analog-to-digital converter of Stellaris boards: QEMU's section "stellaris_adc".
//!
//! The fields follow QEMU's `vmstate_stellaris_adc` (`hw/arm/stellaris.c`). The guide's page `walkthrough` shows the
//! port of this device.

use vmstate::prelude::*;

// The guide shows the rest of this file.

/// The converter. Each of its four sequencers has a FIFO, an input selection and a control register.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "stellaris_adc")]
pub struct StellarisAdc {
    /// The active sequencers.
    pub actss: u32,
    /// The raw interrupts.
    pub ris: u32,
    /// The interrupt mask.
    pub im: u32,
    /// The triggers of the sequencers.
    pub emux: u32,
    /// Overflows of the FIFOs.
    pub ostat: u32,
    /// Underflows of the FIFOs.
    pub ustat: u32,
    /// The priorities of the sequencers.
    pub sspri: u32,
    /// The number of samples to average.
    pub sac: u32,
    /// The FIFOs of the sequencers.
    #[vmstate(skip = "sent in parts")]
    pub fifo: [AdcFifo; 4],
    /// The inputs of the sequencers.
    #[vmstate(skip = "sent in parts")]
    pub ssmux: [u32; 4],
    /// The control registers of the sequencers.
    #[vmstate(skip = "sent in parts")]
    pub ssctl: [u32; 4],
    /// The state of the generator of noise.
    #[vmstate(
        field("fifo[0]": AdcFifo = fifo[0], inline),
        field("ssmux[0]": u32 = ssmux[0]),
        field("ssctl[0]": u32 = ssctl[0]),
        field("fifo[1]": AdcFifo = fifo[1], inline),
        field("ssmux[1]": u32 = ssmux[1]),
        field("ssctl[1]": u32 = ssctl[1]),
        field("fifo[2]": AdcFifo = fifo[2], inline),
        field("ssmux[2]": u32 = ssmux[2]),
        field("ssctl[2]": u32 = ssctl[2]),
        field("fifo[3]": AdcFifo = fifo[3], inline),
        field("ssmux[3]": u32 = ssmux[3]),
        field("ssctl[3]": u32 = ssctl[3])
    )]
    pub noise: u32,
    /// The interrupt lines.
    #[vmstate(skip = "wired by the board")]
    pub irq: [Option<u32>; 4],
}

/// The FIFO of a sequencer.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
pub struct AdcFifo {
    /// The positions of head and tail, and the flags for full and empty.
    pub state: u32,
    /// The samples.
    pub data: [u32; 16],
}
