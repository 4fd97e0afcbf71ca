//! Arguments that device types require: the devices of their bus, and properties.

/// Backends for all devices. A backend that no device uses is not in the stream.
pub(super) const BACKENDS: &[&str] = &[
    "-blockdev",
    "driver=null-co,node-name=disk,size=1048576,read-zeroes=on",
    "-chardev",
    "null,id=chardev",
    "-audiodev",
    "none,id=audio",
    "-object",
    "memory-backend-ram,id=memory,size=16M",
    "-object",
    "cryptodev-backend-builtin,id=crypto",
    "-object",
    "can-bus,id=can",
    "-fsdev",
    "synth,id=files",
];

/// The devices with the bus of a type, by the name of the bus.
const BUSES: &[(&str, &[&str])] = &[
    ("usb-bus", &["-device", "qemu-xhci"]),
    ("SCSI", &["-device", "virtio-scsi-pci"]),
    ("HDA", &["-device", "intel-hda"]),
    ("virtio-serial-bus", &["-device", "virtio-serial-pci"]),
    ("sd-bus", &["-device", "sdhci-pci"]),
    ("ccid-bus", &["-device", "qemu-xhci", "-device", "usb-ccid"]),
    ("IndustryPack", &["-device", "tpci200"]),
    ("nvme-bus", &["-device", "nvme,serial=1"]),
    ("ufs-bus", &["-device", "ufs,serial=1"]),
];

/// The devices that other types require, by the type.
const PARENTS: &[(&str, &[&str])] = &[
    ("ipmi-bt", &["-device", "ipmi-bmc-sim,id=bmc"]),
    ("ipmi-kcs", &["-device", "ipmi-bmc-sim,id=bmc"]),
    ("smbus-ipmi", &["-device", "ipmi-bmc-sim,id=bmc"]),
    ("x3130-upstream", &["-device", "pcie-root-port,id=root"]),
    ("xio3130-downstream", &["-device", "pcie-root-port,id=root", "-device", "x3130-upstream,bus=root,id=upstream"]),
];

/// Properties, by a part of the type's name. The first match counts.
const PROPERTIES: &[(&str, &str)] = &[
    ("ipmi-bmc", ""),
    ("ipmi", "bmc=bmc"),
    ("virtio-blk", "drive=disk"),
    ("ide-hd", "drive=disk"),
    ("ide-cf", "drive=disk"),
    ("scsi-hd", "drive=disk"),
    ("sd-card", "drive=disk"),
    ("emmc", "drive=disk"),
    ("usb-storage", "drive=disk"),
    ("nvme-ns", "drive=disk"),
    ("nvme-subsys", ""),
    ("nvme", "drive=disk,serial=1"),
    ("ufs-lu", "drive=disk,lun=0"),
    ("ufs", "serial=1"),
    ("xhci", ""),
    ("usb-serial", "chardev=chardev"),
    ("usb-braille", "chardev=chardev"),
    ("isa-serial", "chardev=chardev"),
    ("isa-parallel", "chardev=chardev"),
    ("isa-debugcon", "chardev=chardev"),
    ("pci-serial-", "chardev1=chardev"),
    ("pci-serial", "chardev=chardev"),
    ("ccid-card-passthru", "chardev=chardev"),
    ("AC97", "audiodev=audio"),
    ("ES1370", "audiodev=audio"),
    ("adlib", "audiodev=audio"),
    ("cs4231a", "audiodev=audio"),
    ("gus", "audiodev=audio"),
    ("sb16", "audiodev=audio"),
    ("hda-", "audiodev=audio"),
    ("usb-audio", "audiodev=audio"),
    ("virtio-sound", "audiodev=audio"),
    ("virtio-crypto", "cryptodev=crypto"),
    ("virtio-mem", "memdev=memory"),
    ("virtio-pmem", "memdev=memory"),
    ("pc-dimm", "memdev=memory"),
    ("ivshmem-plain", "memdev=memory,master=on"),
    ("acpi-erst", "memdev=memory"),
    ("virtio-9p", "fsdev=files,mount_tag=files"),
    ("ctucan_pci", "canbus0=can,canbus1=can"),
    ("pcm3680_pci", "canbus0=can,canbus1=can"),
    ("mioe3680_pci", "canbus0=can,canbus1=can"),
    ("kvaser_pci", "canbus=can"),
    ("rocker", "name=rocker"),
    ("pxb", "bus_nr=128"),
    ("pcie-pci-bridge", ""),
    ("pci-bridge", "chassis_nr=1"),
    ("x3130-upstream", "bus=root"),
    ("xio3130-downstream", "bus=upstream,chassis=1"),
    ("i2c-ddc", "address=0x50"),
    ("i2c-echo", "address=0x50"),
];

/// A device type of QEMU.
pub(super) struct DeviceType {
    pub(super) name: String,
    /// The bus to which it is connected, if any.
    bus: Option<String>,
}

impl DeviceType {
    /// Parses a line of `info qdm`. Returns `None` for a title, and for a type that only machines can have.
    pub(super) fn of_listing(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("name \"")?;
        let (name, rest) = rest.split_once('"')?;
        let bus = rest.strip_prefix(", bus ").map(|rest| rest.split(',').next().unwrap_or(rest).to_owned());
        (!rest.ends_with(", no-user")).then(|| Self { name: name.to_owned(), bus })
    }

    /// Returns the arguments for the devices that this type requires.
    pub(super) fn parents(&self) -> &'static [&'static str] {
        let required = PARENTS.iter().find(|(name, _)| self.name.ends_with(name));
        let of_bus = || BUSES.iter().find(|(bus, _)| self.bus.as_deref() == Some(bus));
        required.or_else(of_bus).map_or(&[], |(_, args)| *args)
    }

    /// Returns the argument of `-device`.
    pub(super) fn option(&self) -> String {
        let properties = PROPERTIES.iter().find(|(name, _)| self.name.contains(name)).map_or("", |(_, found)| found);
        let comma = if properties.is_empty() { "" } else { "," };
        format!("{}{comma}{properties}", self.name)
    }
}
