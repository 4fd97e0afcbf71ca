//! The identities of PCI devices. QEMU 7.2, 10.0 and 11.1 reject other values with the text `Bad config data`.

use super::identity::{Constant, Identity, Region};

/// The host bridge of the i440FX chipset.
pub const I440FX: Identity = Identity {
    ids: [0x8086, 0x1237],
    revision: 2,
    class: [0x00, 0x00, 0x06],
    header_type: 0x00,
    express: false,
    regions: &[],
    first_capability: 0x0,
    capabilities: &[],
    exceptions: &[],
};

/// The disk controller of the i440FX chipset.
pub const PIIX3_IDE: Identity = Identity {
    ids: [0x8086, 0x7010],
    revision: 0,
    class: [0x80, 0x01, 0x01],
    header_type: 0x00,
    express: false,
    regions: &[Region::ports(0x20, 0x10)],
    first_capability: 0x0,
    capabilities: &[],
    exceptions: &[],
};

/// The USB controller of the i440FX chipset.
pub const PIIX3_UHCI: Identity = Identity {
    ids: [0x8086, 0x7020],
    revision: 1,
    class: [0x00, 0x03, 0x0c],
    header_type: 0x00,
    express: false,
    regions: &[Region::ports(0x20, 0x20)],
    first_capability: 0x0,
    capabilities: &[],
    exceptions: &[],
};

/// The power management of the i440FX chipset.
pub const PIIX4_PM: Identity = Identity {
    ids: [0x8086, 0x7113],
    revision: 3,
    class: [0x00, 0x80, 0x06],
    header_type: 0x00,
    express: false,
    regions: &[],
    first_capability: 0x0,
    capabilities: &[],
    exceptions: &[],
};

/// The ISA bridge of the i440FX chipset.
pub const PIIX3: Identity = Identity {
    ids: [0x8086, 0x7000],
    revision: 0,
    class: [0x00, 0x01, 0x06],
    header_type: 0x80,
    express: false,
    regions: &[],
    first_capability: 0x0,
    capabilities: &[],
    exceptions: &[],
};

/// The standard VGA.
pub const VGA: Identity = Identity {
    ids: [0x1234, 0x1111],
    revision: 2,
    class: [0x00, 0x00, 0x03],
    header_type: 0x00,
    express: false,
    regions: &[Region::memory(0x10, 0x1000000).prefetchable(), Region::memory(0x18, 0x1000), Region::rom(0x10000)],
    first_capability: 0x0,
    capabilities: &[],
    exceptions: &[],
};

/// The network card e1000.
pub const E1000: Identity = Identity {
    ids: [0x8086, 0x100e],
    revision: 3,
    class: [0x00, 0x00, 0x02],
    header_type: 0x00,
    express: false,
    regions: &[Region::memory(0x10, 0x20000), Region::ports(0x14, 0x40), Region::rom(0x40000)],
    first_capability: 0x0,
    capabilities: &[],
    exceptions: &[],
};

/// The root port.
pub const ROOT_PORT: Identity = Identity {
    ids: [0x1b36, 0x000c],
    revision: 0,
    class: [0x00, 0x04, 0x06],
    header_type: 0x01,
    express: true,
    regions: &[Region::memory(0x10, 0x1000)],
    first_capability: 0x54,
    capabilities: &[
        Constant::partial(0x1c, &[0], 0x0f),
        Constant::partial(0x1d, &[0], 0x0f),
        Constant::partial(0x24, &[0x01], 0x0f),
        Constant::partial(0x26, &[0x01], 0x0f),
        Constant::partial(0x40, &[0x0d, 0, 0, 0, 0x36, 0x1b, 0, 0, 0x11, 0x40, 0, 0], 0x3f),
        Constant::partial(0x4c, &[0, 0, 0, 0, 0, 0x08, 0, 0, 0x10, 0x48, 0x42, 0x01, 0x20, 0x80, 0, 0, 0], 0xf0),
        Constant::partial(0x5d, &[0, 0], 0xf0),
        Constant::new(0x5f, &[0, 0x04, 0x06, 0x30, 0, 0, 0]),
        Constant::partial(0x68, &[0x7b, 0, 0x02, 0, 0], 0x06),
        Constant::partial(0x6d, &[0], 0xf0),
        Constant::partial(0x6e, &[0], 0xa6),
        Constant::partial(0x6f, &[0, 0], 0xf8),
        Constant::partial(0x71, &[0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0x30, 0, 0], 0xdf),
        Constant::partial(0x7d, &[0], 0x7f),
        Constant::new(0x7e, &[0, 0, 0x1e, 0, 0, 0, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        Constant::partial(0x100, &[0x01, 0, 0x82, 0x14, 0], 0xcf),
        Constant::partial(0x105, &[0], 0x0f),
        Constant::partial(0x107, &[0], 0xfc),
        Constant::partial(0x108, &[0], 0xcf),
        Constant::partial(0x109, &[0], 0x0f),
        Constant::partial(0x10b, &[0], 0xfc),
        Constant::partial(0x10c, &[0], 0xcf),
        Constant::partial(0x10d, &[0], 0x0f),
        Constant::partial(0x10f, &[0], 0xfc),
        Constant::partial(0x110, &[0], 0x3e),
        Constant::partial(0x111, &[0], 0x0e),
        Constant::partial(0x112, &[0, 0, 0], 0x3e),
        Constant::partial(0x115, &[0], 0x0e),
        Constant::partial(0x116, &[0, 0, 0xa0], 0xbf),
        Constant::partial(0x119, &[0x02], 0xfa),
        Constant::partial(0x11a, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0xf8),
        Constant::partial(0x12d, &[0, 0, 0, 0], 0x80),
        Constant::partial(0x131, &[0, 0, 0], 0x07),
        Constant::partial(
            0x134,
            &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0d, 0, 0x01, 0, 0x5f, 0, 0],
            0xa0,
        ),
        Constant::new(0x14f, &[0]),
    ],
    exceptions: &[],
};

/// The host bridge of Q35.
pub const MCH: Identity = Identity {
    ids: [0x8086, 0x29c0],
    revision: 0,
    class: [0x00, 0x00, 0x06],
    header_type: 0x00,
    express: false,
    regions: &[],
    first_capability: 0x0,
    capabilities: &[],
    exceptions: &[],
};

/// The ISA bridge of Q35.
pub const ICH9_LPC: Identity = Identity {
    ids: [0x8086, 0x2918],
    revision: 2,
    class: [0x00, 0x01, 0x06],
    header_type: 0x80,
    express: false,
    regions: &[],
    first_capability: 0x0,
    capabilities: &[],
    exceptions: &[],
};

/// The disk controller of Q35.
pub const ICH9_AHCI: Identity = Identity {
    ids: [0x8086, 0x2922],
    revision: 2,
    class: [0x01, 0x06, 0x01],
    header_type: 0x80,
    express: false,
    regions: &[Region::ports(0x20, 0x20), Region::memory(0x24, 0x1000)],
    first_capability: 0x80,
    capabilities: &[
        Constant::partial(0x80, &[0x05, 0xa8, 0x80], 0x8e),
        Constant::partial(0x83, &[0, 0], 0x03),
        Constant::new(0xa8, &[0x12, 0, 0x10, 0, 0x48, 0, 0, 0]),
    ],
    exceptions: &[],
};

/// The system management bus of Q35.
pub const ICH9_SMBUS: Identity = Identity {
    ids: [0x8086, 0x2930],
    revision: 2,
    class: [0x00, 0x05, 0x0c],
    header_type: 0x80,
    express: false,
    regions: &[Region::ports(0x20, 0x40)],
    first_capability: 0x0,
    capabilities: &[],
    exceptions: &[],
};

/// The network card e1000e, with the MAC address of QEMU in its serial number.
pub const E1000E: Identity = Identity {
    ids: [0x8086, 0x10d3],
    revision: 0,
    class: [0x00, 0x00, 0x02],
    header_type: 0x00,
    express: true,
    regions: &[
        Region::memory(0x10, 0x20000),
        Region::memory(0x14, 0x20000),
        Region::ports(0x18, 0x20),
        Region::memory(0x1c, 0x4000),
        Region::rom(0x40000),
    ],
    first_capability: 0xc8,
    capabilities: &[
        Constant::partial(0xa0, &[0x11, 0, 0x04, 0], 0x3f),
        Constant::new(0xa4, &[0x03, 0, 0, 0, 0x03, 0x20, 0, 0]),
        Constant::partial(0xc8, &[0x01, 0xd0, 0x22, 0, 0], 0xfc),
        Constant::partial(0xcd, &[0], 0x60),
        Constant::partial(0xce, &[0, 0, 0x05, 0xe0, 0x80], 0x8e),
        Constant::partial(0xd3, &[0, 0], 0x03),
        Constant::new(0xe0, &[0x10, 0xa0, 0x91, 0, 0x20, 0x80, 0, 0, 0, 0, 0, 0, 0x11, 0x04, 0, 0, 0, 0]),
        Constant::partial(0x100, &[0x01, 0, 0x02, 0x14, 0], 0xcf),
        Constant::partial(0x105, &[0], 0x0f),
        Constant::partial(0x107, &[0], 0xfc),
        Constant::partial(0x108, &[0], 0xcf),
        Constant::partial(0x109, &[0], 0x0f),
        Constant::partial(0x10b, &[0], 0xfc),
        Constant::partial(0x10c, &[0], 0xcf),
        Constant::partial(0x10d, &[0], 0x0f),
        Constant::partial(0x10f, &[0], 0xfc),
        Constant::partial(0x110, &[0], 0x3e),
        Constant::partial(0x111, &[0], 0x0e),
        Constant::partial(0x112, &[0, 0, 0], 0x3e),
        Constant::partial(0x115, &[0], 0x0e),
        Constant::partial(0x116, &[0, 0, 0xa0], 0xbf),
        Constant::partial(0x119, &[0], 0xfe),
        Constant::new(
            0x11a,
            &[
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0x03, 0, 0x01, 0, 0x56, 0x34, 0x12, 0xff, 0xff, 0, 0x54, 0x52,
            ],
        ),
    ],
    exceptions: &[],
};

/// The virtio disk, on PCI Express, with one queue.
pub const VIRTIO_BLK: Identity = Identity {
    ids: [0x1af4, 0x1042],
    revision: 1,
    class: [0x00, 0x00, 0x01],
    header_type: 0x00,
    express: true,
    regions: &[Region::memory(0x14, 0x1000), Region::memory64(0x20, 0x4000).prefetchable()],
    first_capability: 0xdc,
    capabilities: &[
        Constant::partial(0x40, &[0x10, 0, 0x02, 0, 0x20, 0x80, 0, 0x10, 0], 0xf0),
        Constant::partial(0x49, &[0], 0x7f),
        Constant::partial(0x4a, &[0], 0xf0),
        Constant::partial(0x4b, &[0, 0x11, 0x04, 0, 0, 0], 0x3f),
        Constant::new(0x51, &[0]),
        Constant::partial(0x54, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x30, 0, 0, 0], 0x7f),
        Constant::partial(0x6a, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x40, 0x03, 0, 0], 0xfc),
        Constant::new(
            0x81,
            &[
                0, 0, 0, 0x09, 0x7c, 0x10, 0x01, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0x09, 0x84, 0x10, 0x03,
                0x04, 0, 0, 0, 0, 0x10, 0, 0, 0, 0x10, 0, 0, 0x09, 0x94, 0x10, 0x04, 0x04, 0, 0, 0, 0, 0x20, 0, 0, 0,
                0x10, 0, 0, 0x09, 0xa4, 0x14, 0x02, 0x04, 0, 0, 0, 0, 0x30, 0, 0, 0, 0x10, 0, 0, 0x04, 0, 0, 0, 0x09,
                0xb4, 0x14, 0x05,
            ],
        ),
        Constant::new(0xcd, &[0, 0, 0]),
        Constant::partial(0xdc, &[0x11, 0xc8, 0x01, 0], 0x3f),
        Constant::new(0xe0, &[0x01, 0, 0, 0, 0x01, 0x08, 0, 0]),
    ],
    exceptions: &[],
};

/// The USB controller xHCI.
pub const XHCI: Identity = Identity {
    ids: [0x1b36, 0x000d],
    revision: 1,
    class: [0x30, 0x03, 0x0c],
    header_type: 0x00,
    express: true,
    regions: &[Region::memory64(0x10, 0x4000)],
    first_capability: 0x90,
    capabilities: &[
        Constant::partial(0x90, &[0x11, 0xa0, 0x0f, 0], 0x3f),
        Constant::new(0x94, &[0, 0x30, 0, 0, 0, 0x38, 0, 0]),
        Constant::new(0xa0, &[0x10, 0, 0x92, 0, 0x20, 0x80, 0, 0, 0, 0, 0, 0, 0x11, 0x04, 0, 0, 0, 0]),
        Constant::partial(0xb4, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x30, 0, 0, 0], 0x7f),
        Constant::new(0xca, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ],
    exceptions: &[],
};

/// The generic host bridge.
pub const GPEX_ROOT: Identity = Identity {
    ids: [0x1b36, 0x0008],
    revision: 0,
    class: [0x00, 0x00, 0x06],
    header_type: 0x00,
    express: false,
    regions: &[],
    first_capability: 0x0,
    capabilities: &[],
    exceptions: &[],
};

/// The virtio random number generator, on conventional PCI.
pub const VIRTIO_RNG: Identity = Identity {
    ids: [0x1af4, 0x1005],
    revision: 0,
    class: [0x00, 0xff, 0x00],
    header_type: 0x00,
    express: false,
    regions: &[Region::ports(0x10, 0x20), Region::memory(0x14, 0x1000), Region::memory64(0x20, 0x4000).prefetchable()],
    first_capability: 0x98,
    capabilities: &[
        Constant::new(
            0x40,
            &[
                0x09, 0, 0x10, 0x01, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0x09, 0x40, 0x10, 0x03, 0x04, 0, 0, 0,
                0, 0x10, 0, 0, 0, 0x10, 0, 0, 0x09, 0x50, 0x10, 0x04, 0x04, 0, 0, 0, 0, 0x20, 0, 0, 0, 0x10, 0, 0,
                0x09, 0x60, 0x14, 0x02, 0x04, 0, 0, 0, 0, 0x30, 0, 0, 0, 0x10, 0, 0, 0x04, 0, 0, 0, 0x09, 0x70, 0x14,
                0x05,
            ],
        ),
        Constant::new(0x89, &[0, 0, 0]),
        Constant::partial(0x98, &[0x11, 0x84, 0x01, 0], 0x3f),
        Constant::new(0x9c, &[0x01, 0, 0, 0, 0x01, 0x08, 0, 0]),
    ],
    exceptions: &[],
};

/// The root port of 7.2, which has no extended tags, no writable mask of errors.
pub const ROOT_PORT_7_2: Identity = Identity {
    exceptions: &[Constant::new(0x58, &[0]), Constant::partial(0x6e, &[0], 0xe6), Constant::new(0x108, &[0; 4])],
    ..ROOT_PORT
};

/// The network card e1000e of 7.2.
pub const E1000E_7_2: Identity =
    Identity { exceptions: &[Constant::new(0xe4, &[0]), Constant::new(0x108, &[0; 4])], ..E1000E };

/// The virtio disk of 7.2.
pub const VIRTIO_BLK_7_2: Identity = Identity { exceptions: &[Constant::new(0x44, &[0])], ..VIRTIO_BLK };

/// The USB controller xHCI of 7.2.
pub const XHCI_7_2: Identity = Identity { exceptions: &[Constant::new(0xa4, &[0])], ..XHCI };
