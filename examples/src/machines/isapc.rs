//! The machine `isapc`: a PC with only an ISA bus.

use vmstate::memory::VecBlock;
use vmstate::schema::Release;

use super::{AnyGlobalState, Board, Form, Section, block, memory, only, pair, user_network};
use crate::devices::cirrus_vga::CirrusVga;
use crate::devices::clock::Clock;
use crate::devices::cpu_common::CpuCommon;
use crate::devices::fdc::IsaFdc;
use crate::devices::fw_cfg::FwCfg;
use crate::devices::i8254::Pit;
use crate::devices::i8257::Dma;
use crate::devices::i8259::Pic;
use crate::devices::ide::IsaIde;
use crate::devices::mc146818rtc::Rtc;
use crate::devices::ne2000::IsaNe2000;
use crate::devices::pckbd::IsaKbd;
use crate::devices::pcspk::Speaker;
use crate::devices::port92::Port92;
use crate::devices::ps2::{Keyboard, Mouse};
use crate::devices::serial::IsaSerial;
use crate::devices::slirp::Slirp;
use crate::devices::vmmouse::VmMouse;
use crate::devices::x86::Cpu;

/// The machine.
///
/// QEMU 7.2 gives both disk controllers the same name and instance ID, and cannot load its own streams correctly: the
/// state of the second controller is loaded into the first. Here they are numbered as in later releases.
#[derive(Debug)]
pub struct IsaPc {
    /// Its clocks.
    pub clock: Clock,
    /// QEMU's user network.
    pub slirp: Slirp,
    /// The state common to all processors.
    pub cpu_common: CpuCommon,
    /// The processor.
    pub cpu: Cpu,
    /// The firmware configuration.
    pub fw_cfg: FwCfg,
    /// The real-time clock.
    pub rtc: Rtc,
    /// The DMA controllers.
    pub dma: [Dma; 2],
    /// The interrupt controllers.
    pub pic: [Pic; 2],
    /// The display adapter.
    pub vga: CirrusVga,
    /// The interval timer.
    pub pit: Pit,
    /// The speaker.
    pub speaker: Speaker,
    /// The serial port.
    pub serial: IsaSerial,
    /// The floppy disk controller.
    pub fdc: IsaFdc,
    /// The PS/2 keyboard.
    pub keyboard: Keyboard,
    /// The PS/2 mouse.
    pub mouse: Mouse,
    /// The keyboard controller.
    pub kbd: IsaKbd,
    /// The VMware mouse.
    pub vmmouse: VmMouse,
    /// The A20 port.
    pub port92: Port92,
    /// The network card.
    pub network: IsaNe2000,
    /// The disk controllers.
    pub ide: [IsaIde; 2],
    /// The run state.
    pub global_state: AnyGlobalState,
    /// The RAM blocks `pc.ram` (16 MiB), `vga.vram`, `pc.bios` and `pc.rom`.
    pub ram: [VecBlock; 4],
}

impl Board for IsaPc {
    fn new(release: Release) -> Self {
        Self {
            clock: Clock::default(),
            slirp: Slirp::default(),
            cpu_common: CpuCommon::default(),
            cpu: Cpu::default(),
            fw_cfg: FwCfg::default(),
            rtc: Rtc::default(),
            dma: Default::default(),
            pic: Default::default(),
            vga: CirrusVga::default(),
            pit: Pit::default(),
            speaker: Speaker::default(),
            serial: IsaSerial::default(),
            fdc: IsaFdc::default(),
            keyboard: Keyboard::default(),
            mouse: Mouse::default(),
            kbd: IsaKbd::default(),
            vmmouse: VmMouse::default(),
            port92: Port92::default(),
            network: IsaNe2000::default(),
            ide: Default::default(),
            global_state: Form::new(release),
            ram: [
                block("pc.ram", 0x100_0000),
                block("vga.vram", 0x40_0000),
                block("pc.bios", 0x2_0000),
                block("pc.rom", 0x2_0000),
            ],
        }
    }

    fn sections(&mut self) -> Vec<Section<'_>> {
        let [dma0, dma1] = pair("dma", &mut self.dma);
        let [pic0, pic1] = pair("i8259", &mut self.pic);
        let [ide0, ide1] = pair("isa-ide", &mut self.ide);
        vec![
            only("timer", &mut self.clock),
            user_network(&mut self.slirp),
            only("cpu_common", &mut self.cpu_common),
            only("cpu", &mut self.cpu),
            only("fw_cfg", &mut self.fw_cfg),
            only("mc146818rtc", &mut self.rtc),
            dma0,
            dma1,
            pic0,
            pic1,
            only("cirrus_vga", &mut self.vga),
            only("i8254", &mut self.pit),
            only("pcspk", &mut self.speaker),
            only("serial", &mut self.serial),
            only("fdc", &mut self.fdc),
            only("ps2kbd", &mut self.keyboard),
            only("ps2mouse", &mut self.mouse),
            only("pckbd", &mut self.kbd),
            only("vmmouse", &mut self.vmmouse),
            only("port92", &mut self.port92),
            only("ne2000", &mut self.network),
            ide0,
            ide1,
            only("globalstate", self.global_state.device()),
            memory(&mut self.ram),
        ]
    }
}
