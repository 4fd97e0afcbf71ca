//! The devices stay compatible with the schemas in `schema/`.

use vmstate_examples::devices::acpi_build::{AcpiBuild, VirtAcpiBuild};
use vmstate_examples::devices::acpi_ged::AcpiGed;
use vmstate_examples::devices::apic::Apic;
use vmstate_examples::devices::cirrus_vga::CirrusVga;
use vmstate_examples::devices::clock::Clock;
use vmstate_examples::devices::cmsdk_apb_watchdog::CmsdkApbWatchdog;
use vmstate_examples::devices::cpu_common::CpuCommon;
use vmstate_examples::devices::e1000::E1000;
use vmstate_examples::devices::fdc::IsaFdc;
use vmstate_examples::devices::fw_cfg::FwCfg;
use vmstate_examples::devices::globalstate::{GlobalState, GlobalState7_2};
use vmstate_examples::devices::goldfish_rtc::GoldfishRtc;
use vmstate_examples::devices::gpex::GpexRoot;
use vmstate_examples::devices::i8254::Pit;
use vmstate_examples::devices::i8257::Dma;
use vmstate_examples::devices::i8259::Pic;
use vmstate_examples::devices::ide::{IsaIde, PciIde};
use vmstate_examples::devices::ioapic::IoApic;
use vmstate_examples::devices::kvm_tpr_opt::KvmTprOpt;
use vmstate_examples::devices::mc146818rtc::Rtc;
use vmstate_examples::devices::ne2000::IsaNe2000;
use vmstate_examples::devices::parallel::IsaParallel;
use vmstate_examples::devices::pckbd::IsaKbd;
use vmstate_examples::devices::pcspk::Speaker;
use vmstate_examples::devices::pflash_cfi01::Pflash;
use vmstate_examples::devices::pl011::Pl011;
use vmstate_examples::devices::port92::Port92;
use vmstate_examples::devices::ps2::{Keyboard, Mouse};
use vmstate_examples::devices::riscv_mtimer::Mtimer;
use vmstate_examples::devices::serial::{IsaSerial, MemorySerial};
use vmstate_examples::devices::sifive_plic::Plic;
use vmstate_examples::devices::slirp::Slirp;
use vmstate_examples::devices::ssd0303::Ssd0303;
use vmstate_examples::devices::stellaris_adc::StellarisAdc;
use vmstate_examples::devices::virtio::{Mmio, Pci, VirtioBlk, VirtioNet, VirtioRng};
use vmstate_examples::devices::vmmouse::VmMouse;
use vmstate_examples::devices::{avr, riscv, x86};

vmstate::lock!("schema/", [
    AcpiBuild,
    AcpiGed,
    Apic,
    CirrusVga,
    Clock,
    CmsdkApbWatchdog,
    CpuCommon,
    E1000,
    FwCfg,
    GlobalState,
    GlobalState7_2 as "globalstate-7.2",
    GoldfishRtc,
    GpexRoot,
    IoApic,
    IsaFdc,
    IsaIde,
    IsaKbd,
    IsaNe2000,
    IsaParallel,
    IsaSerial,
    Keyboard,
    KvmTprOpt,
    MemorySerial as "serial-mm",
    Mouse,
    Mtimer,
    PciIde,
    Pflash,
    Pic,
    Pit,
    Pl011,
    Plic,
    Port92,
    Rtc,
    Slirp,
    Speaker,
    Ssd0303,
    StellarisAdc,
    VirtAcpiBuild,
    VirtioBlk<Mmio> as "virtio-blk-mmio",
    VirtioBlk<Pci<true>> as "virtio-blk-pci",
    VirtioNet<Mmio> as "virtio-net-mmio",
    VirtioRng<Pci<false>> as "virtio-rng-pci",
    VmMouse,
    Dma,
    avr::Cpu as "cpu-avr",
    riscv::Cpu as "cpu-riscv64",
    x86::Cpu as "cpu-x86",
]);
