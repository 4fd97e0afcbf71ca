//! The laws of QEMU's devices.

use vmstate::laws::Choices;
use vmstate_examples::devices::acpi::{CpuHotplug, CpuSlot, MemoryHotplug, MemoryModule, PciHotplug};
use vmstate_examples::devices::apic::Apic;
use vmstate_examples::devices::cpu_common::CpuCommon;
use vmstate_examples::devices::fdc::Drive;
use vmstate_examples::devices::fw_cfg::FwCfg;
use vmstate_examples::devices::goldfish_rtc::GoldfishRtc;
use vmstate_examples::devices::hpet::Hpet;
use vmstate_examples::devices::i8257::Dma;
use vmstate_examples::devices::i8259::Pic;
use vmstate_examples::devices::ich9::Pm;
use vmstate_examples::devices::ide::{Bus, BusMaster};
use vmstate_examples::devices::ioapic::IoApic;
use vmstate_examples::devices::kvm_tpr_opt::KvmTprOpt;
use vmstate_examples::devices::pckbd::Kbd;
use vmstate_examples::devices::pflash_cfi01::Pflash;
use vmstate_examples::devices::piix::Piix3;
use vmstate_examples::devices::pl011::Pl011;
use vmstate_examples::devices::ps2::{Keyboard, Mouse};
use vmstate_examples::devices::qdev_clock::QdevClock;
use vmstate_examples::devices::sifive_plic::Plic;
use vmstate_examples::devices::usb::{UsbKeyboard, UsbPointer};
use vmstate_examples::devices::vga::Vga;
use vmstate_examples::devices::x86::{Cpu, LastFpu, MiscEnable, PollControl};

/// Returns an optional part in its initial state.
fn maybe<T: Default>(choices: &mut Choices) -> Option<T> {
    choices.flip().then(T::default)
}

vmstate::laws!(dma: Dma);
vmstate::laws!(ioapic: IoApic);
vmstate::laws!(kvm_tpr_opt: KvmTprOpt);
vmstate::laws!(goldfish_rtc: GoldfishRtc);
vmstate::laws!(plic: Plic);
vmstate::laws!(usb_pointer: UsbPointer);
vmstate::laws!(usb_keyboard: UsbKeyboard);
vmstate::laws!(pci_hotplug: PciHotplug);
vmstate::laws!(pic: Pic, with = |choices| Pic { ltim: choices.flip().into(), ..Pic::default() });
vmstate::laws!(pl011: Pl011, with = |choices| Pl011 { clock: maybe(choices), ..Pl011::default() });
vmstate::laws!(qdev_clock: QdevClock, with = |choices| QdevClock {
    multiplier: 1,
    divider: 1 + u32::from(choices.flip()),
    ..QdevClock::default()
});
vmstate::laws!(piix3: Piix3, with = |choices| Piix3 { rcr: choices.byte() & 6, ..Piix3::default() });
vmstate::laws!(vga: Vga, with = |choices| Vga { big_endian_fb: choices.flip(), ..Vga::default() });
vmstate::laws!(apic: Apic, with = |choices| Apic { wait_for_sipi: choices.flip().into(), ..Apic::default() });
vmstate::laws!(fw_cfg: FwCfg, with = |choices| FwCfg {
    dma_addr: maybe(choices),
    acpi_mr: maybe(choices),
    ..FwCfg::default()
});
vmstate::laws!(cpu_common: CpuCommon, with = |choices| CpuCommon {
    exception_index: if choices.flip() { 3 } else { -1 },
    crash_occurred: choices.flip(),
    ..CpuCommon::default()
});
vmstate::laws!(pflash: Pflash, with = |choices| Pflash {
    blk_offset: if choices.flip() { 0x100 } else { u32::MAX },
    writeblock_size: 16,
    blk_bytes: vec![0xff; 16],
    ..Pflash::default()
});
vmstate::laws!(drive: Drive, with = |choices| Drive {
    media_changed: maybe(choices),
    media_rate: maybe(choices),
    perpendicular: choices.flip().into(),
    ..Drive::default()
});
vmstate::laws!(ide_bus: Bus, with = |choices| Bus { error: maybe(choices), ..Bus::default() });
vmstate::laws!(bus_master: BusMaster, with = |choices| BusMaster {
    current: maybe(choices),
    status: maybe(choices),
    ..BusMaster::default()
});
vmstate::laws!(keyboard: Keyboard, with = |choices| Keyboard {
    ledstate: choices.flip().into(),
    need_high_bit: choices.flip(),
    command_reply: maybe(choices),
    ..Keyboard::default()
});
vmstate::laws!(mouse: Mouse, with = |choices| Mouse { command_reply: maybe(choices), ..Mouse::default() });
vmstate::laws!(kbd: Kbd, with = |choices| Kbd {
    outport: choices.flip().then_some(0xcd),
    extended: maybe(choices),
    ..Kbd::default()
});
vmstate::laws!(hpet: Hpet, with = |choices| Hpet {
    config: choices.flip().into(),
    rtc_irq_level: choices.flip().into(),
    ..Hpet::default()
});
vmstate::laws!(pm: Pm, with = |choices| Pm {
    memory_hotplug: choices.flip().then(|| MemoryHotplug {
        dev_count: 1,
        devs: vec![MemoryModule::default()],
        ..MemoryHotplug::default()
    }),
    tco: maybe(choices),
    cpu_hotplug: choices.flip().then(|| CpuHotplug {
        dev_count: 1,
        devs: vec![CpuSlot::default()],
        ..CpuHotplug::default()
    }),
    pci_hotplug: maybe(choices),
    ..Pm::default()
});
vmstate::laws!(x86: Cpu, with = |choices| Cpu {
    hflags2: u32::from(choices.flip()) << 6,
    exception: maybe(choices),
    async_pf_en_msr: choices.flip().into(),
    pv_eoi_en_msr: choices.flip().into(),
    steal_time_msr: choices.flip().into(),
    poll_control_msr: PollControl(choices.flip().into()),
    last_fpu: choices.flip().then(|| LastFpu { opcode: 1, ..LastFpu::default() }),
    tsc_adjust: choices.flip().into(),
    tsc_deadline: choices.flip().into(),
    misc_enable: MiscEnable(choices.flip().into()),
    feature_control: choices.flip().into(),
    tsc_khz: maybe(choices),
    smi_count: choices.flip().into(),
    ..Cpu::default()
}, computed = ["env.hflags"]);
