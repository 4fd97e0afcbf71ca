//! Renamed fields that QEMU's checker knows, whose bytes have not changed.

use super::Checker;

impl Checker {
    /// Returns whether two names are equivalent in the description or section `within`.
    pub(super) fn is_same_name(self, within: &str, one: &str, other: &str) -> bool {
        let newer = (self == Self::Newer).then_some(&HPET);
        let known = || RENAMES.iter().chain(newer).find(|(place, _)| *place == within);
        one == other || known().is_some_and(|(_, names)| names.contains(&one) && names.contains(&other))
    }
}

/// The other name of a type of device.
pub(super) fn device(name: &str) -> Option<&'static str> {
    DEVICES.iter().find_map(|&(one, other)| match name {
        _ if name == one => Some(other),
        _ if name == other => Some(one),
        _ => None,
    })
}

const DEVICES: [(&str, &str); 2] = [("ICH9 LPC", "ICH9-LPC"), ("e1000-82540em", "e1000")];

/// The names that are the same within one description.
type Renames = (&'static str, &'static [&'static str]);

const HPET: Renames = ("hpet", &["num_timers", "num_timers_save"]);

const RENAMES: &[Renames] = &[
    ("I440FX", &["dev", "parent_obj"]),
    ("PIIX3", &["pci_irq_levels", "pci_irq_levels_vmstate"]),
    ("apic", &["timer", "timer_expiry"]),
    ("cirrus_vga", &["hw_cursor_x", "hw_cursor_y", "vga.hw_cursor_x", "vga.hw_cursor_y"]),
    ("e1000", &["dev", "parent_obj"]),
    ("ehci", &["dev", "pcidev"]),
    ("ich9-ahci", &["ahci", "ich9_ahci"]),
    ("ich9_ahci", &["card", "parent_obj"]),
    (
        "ioh-3240-express-root-port",
        &[
            "parent_obj.parent_obj.parent_obj",
            "parent_obj.parent_obj.parent_obj.exp.aer_log",
            "port.br.dev",
            "port.br.dev.exp.aer_log",
        ],
    ),
    ("ioh3420", &["PCIDevice", "PCIEDevice"]),
    ("lsiscsi", &["dev", "parent_obj"]),
    ("mch", &["d", "parent_obj"]),
    ("pci_bridge", &["bridge.dev", "bridge.dev.shpc", "parent_obj", "shpc"]),
    ("pcnet", &["parent_obj", "pci_dev"]),
    (
        "piix4_pm",
        &[
            "acpi_pci_hotplug.acpi_pcihp_pci_status[0x0]",
            "ar.gpe",
            "ar.pm1.cnt.cnt",
            "ar.pm1.evt.en",
            "ar.pm1.evt.sts",
            "ar.tmr.overflow_time",
            "ar.tmr.timer",
            "dev",
            "gpe",
            "parent_obj",
            "pci0_status",
            "pm1_cnt.cnt",
            "pm1a.en",
            "pm1a.sts",
            "tmr.overflow_time",
            "tmr.timer",
        ],
    ),
    ("qxl", &["num_surfaces", "ssd.num_surfaces"]),
    ("rtl8139", &["dev", "parent_obj"]),
    (
        "spapr_pci",
        &[
            "dma_liobn[0]",
            "io_win_addr",
            "io_win_size",
            "mem_win_addr",
            "mem_win_size",
            "mig_io_win_addr",
            "mig_io_win_size",
            "mig_liobn",
            "mig_mem_win_addr",
            "mig_mem_win_size",
        ],
    ),
    ("usb-ccid", &["abProtocolDataStructure", "abProtocolDataStructure.data"]),
    ("usb-host", &["dev", "parent_obj"]),
    ("usb-mouse", &["HIDPointerEventQueue", "usb-ptr-queue"]),
    ("usb-tablet", &["HIDPointerEventQueue", "usb-ptr-queue"]),
    ("vmware_vga", &["card", "parent_obj"]),
    ("vmware_vga_internal", &["depth", "new_depth"]),
    ("x3130-upstream", &["PCIDevice", "PCIEDevice"]),
    ("xhci", &["parent_obj", "pci_dev"]),
    ("xio3130-downstream", &["PCIDevice", "PCIEDevice"]),
    (
        "xio3130-express-downstream-port",
        &[
            "parent_obj.parent_obj.parent_obj",
            "parent_obj.parent_obj.parent_obj.exp.aer_log",
            "port.br.dev",
            "port.br.dev.exp.aer_log",
        ],
    ),
    (
        "xio3130-express-upstream-port",
        &["br.dev", "br.dev.exp.aer_log", "parent_obj.parent_obj", "parent_obj.parent_obj.exp.aer_log"],
    ),
];
