//! The RISC-V machine `spike`, with one 64-bit processor.

use vmstate::memory::VecBlock;
use vmstate::schema::Release;

use super::{AnyGlobalState, Board, Form, Section, block, memory, only, user_network};
use crate::devices::clock::Clock;
use crate::devices::cpu_common::CpuCommon;
use crate::devices::riscv::Cpu;
use crate::devices::riscv_mtimer::Mtimer;
use crate::devices::slirp::Slirp;

/// The machine. Its console (HTIF) has no state.
#[derive(Debug)]
pub struct Spike {
    /// Its clocks.
    pub clock: Clock,
    /// QEMU's user network, without a network card.
    pub slirp: Slirp,
    /// The state common to all processors.
    pub cpu_common: CpuCommon,
    /// The processor.
    pub cpu: Cpu,
    /// Its timer.
    pub mtimer: Mtimer,
    /// The run state.
    pub global_state: AnyGlobalState,
    /// The RAM blocks `riscv.spike.ram` (16 MiB) and `riscv.spike.mrom`.
    pub ram: [VecBlock; 2],
}

impl Board for Spike {
    fn new(release: Release) -> Self {
        Self {
            clock: Clock::default(),
            slirp: Slirp::default(),
            cpu_common: CpuCommon::default(),
            cpu: Cpu::default(),
            mtimer: Mtimer::default(),
            global_state: Form::new(release),
            ram: [block("riscv.spike.ram", 0x100_0000), block("riscv.spike.mrom", 0xf000)],
        }
    }

    fn sections(&mut self) -> Vec<Section<'_>> {
        vec![
            only("timer", &mut self.clock),
            user_network(&mut self.slirp),
            only("cpu_common", &mut self.cpu_common),
            only("cpu", &mut self.cpu),
            only("riscv_mtimer", &mut self.mtimer),
            only("globalstate", self.global_state.device()),
            memory(&mut self.ram),
        ]
    }
}
