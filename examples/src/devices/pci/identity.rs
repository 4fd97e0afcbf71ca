//! The part of a device's configuration space that its guest cannot change. A load rejects other values, because they are
//! of another device.

use vmstate::prelude::*;

/// The offset of the vendor and the device.
const IDS: usize = 0;
/// The offset of the status, whose bit 4 announces capabilities.
const STATUS: usize = 6;
const HAS_CAPABILITIES: u8 = 1 << 4;
/// The offset of the revision, followed by the class.
const REVISION: usize = 8;
const HEADER_TYPE: usize = 14;
const FIRST_CAPABILITY: usize = 0x34;

/// The constants of a configuration space.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity {
    /// The vendor and the device.
    pub ids: [u16; 2],
    /// The revision.
    pub revision: u8,
    /// The programming interface, the subclass and the class.
    pub class: [u8; 3],
    /// The type of the header.
    pub header_type: u8,
    /// True for PCI Express.
    pub express: bool,
    /// The regions of memory and ports.
    pub regions: &'static [Region],
    /// The offset of the first capability, or 0.
    pub first_capability: u8,
    /// The constant parts of the capabilities.
    pub capabilities: &'static [Constant],
    /// Bytes that have other constants than in `capabilities`: in an older release.
    pub exceptions: &'static [Constant],
}

/// A region of memory or ports. The guest selects its address, a multiple of the size.
#[derive(Debug, PartialEq, Eq)]
pub struct Region {
    /// The offset of the base address register.
    pub offset: usize,
    /// The size, a power of two.
    pub size: u32,
    /// The lowest bits of the register: 1 for ports, 4 for 64-bit addresses, 8 for prefetchable memory.
    pub kind: u8,
    /// The bits that the guest can change below the size: 1 enables a ROM.
    pub writable: u8,
}

/// Bytes with the same value in each state.
#[derive(Debug, PartialEq, Eq)]
pub struct Constant {
    /// The offset.
    pub offset: usize,
    /// The bytes.
    pub bytes: &'static [u8],
    /// The constant bits of the last byte.
    pub last: u8,
}

/// Eight bits at an offset.
pub(super) struct Bits {
    pub(super) offset: usize,
    pub(super) value: u8,
    pub(super) mask: u8,
}

impl Region {
    /// Creates a region of memory with 32-bit addresses.
    #[must_use]
    pub const fn memory(offset: usize, size: u32) -> Self {
        Self { offset, size, kind: 0, writable: 0 }
    }

    /// Creates a region of memory with 64-bit addresses.
    #[must_use]
    pub const fn memory64(offset: usize, size: u32) -> Self {
        Self { offset, size, kind: 4, writable: 0 }
    }

    /// Creates a region of ports.
    #[must_use]
    pub const fn ports(offset: usize, size: u32) -> Self {
        Self { offset, size, kind: 1, writable: 0 }
    }

    /// Creates a ROM.
    #[must_use]
    pub const fn rom(size: u32) -> Self {
        Self { offset: 0x30, size, kind: 0, writable: 1 }
    }

    /// Makes the memory prefetchable.
    #[must_use]
    pub const fn prefetchable(self) -> Self {
        Self { kind: self.kind | 8, ..self }
    }

    fn bits(&self) -> impl Iterator<Item = Bits> {
        let mask = (self.size - 1) & !u32::from(self.writable);
        let values = [self.kind, 0, 0, 0];
        (self.offset..).zip(values).zip(mask.to_le_bytes()).map(|((offset, value), mask)| Bits { offset, value, mask })
    }
}

impl Constant {
    /// Creates constant bytes.
    #[must_use]
    pub const fn new(offset: usize, bytes: &'static [u8]) -> Self {
        Self { offset, bytes, last: 0xff }
    }

    /// Creates constant bytes, with only these bits of the last one.
    #[must_use]
    pub const fn partial(offset: usize, bytes: &'static [u8], last: u8) -> Self {
        Self { offset, bytes, last }
    }

    fn contains(&self, offset: usize) -> bool {
        (self.offset..self.offset + self.bytes.len()).contains(&offset)
    }

    fn bits(&self) -> impl Iterator<Item = Bits> {
        let end = self.offset + self.bytes.len();
        let mask = move |offset| if offset + 1 == end { self.last } else { 0xff };
        (self.offset..end).zip(self.bytes).map(move |(offset, value)| Bits {
            offset,
            value: *value,
            mask: mask(offset),
        })
    }
}

impl Identity {
    /// Writes the constants into a configuration space.
    pub fn write(&self, config: &mut [u8]) {
        for Bits { offset, value, mask } in self.bits() {
            if let Some(byte) = config.get_mut(offset) {
                *byte = (*byte & !mask) | value;
            }
        }
    }

    /// Checks the constants of a configuration space (`get_pci_config_device` in `hw/pci/pci.c`).
    ///
    /// # Errors
    /// Returns an error if a byte is of another device.
    pub fn check(&self, config: &[u8]) -> Result<(), LoadError> {
        for Bits { offset, value, mask } in self.bits() {
            let found = config.get(offset).map_or(0, |byte| byte & mask);
            if found != value {
                let expected =
                    format!("{value:#04x} in the bits {mask:#04x} of the configuration space at {offset:#x}");
                return Err(LoadError::incompatible(expected, format!("{found:#04x}"))
                    .or_advice("configure the same PCI device at this address"));
            }
        }
        Ok(())
    }

    pub(super) fn bits(&self) -> impl Iterator<Item = Bits> {
        let is_exception = |bits: &Bits| self.exceptions.iter().any(|exception| exception.contains(bits.offset));
        let usual = self.usual_bits().filter(move |bits| !is_exception(bits));
        usual.chain(self.exceptions.iter().flat_map(Constant::bits))
    }

    fn usual_bits(&self) -> impl Iterator<Item = Bits> {
        let status = if self.first_capability == 0 { 0 } else { HAS_CAPABILITIES };
        let single = [
            Bits { offset: STATUS, value: status, mask: HAS_CAPABILITIES },
            Bits { offset: REVISION, value: self.revision, mask: 0xff },
            Bits { offset: HEADER_TYPE, value: self.header_type, mask: 0xff },
            Bits { offset: FIRST_CAPABILITY, value: self.first_capability, mask: 0xff },
        ];
        let ids = (IDS..).zip(self.ids.into_iter().flat_map(u16::to_le_bytes));
        let class = (REVISION + 1..).zip(self.class);
        let whole = ids.chain(class).map(|(offset, value)| Bits { offset, value, mask: 0xff });
        let regions = self.regions.iter().flat_map(Region::bits);
        whole.chain(single).chain(regions).chain(self.capabilities.iter().flat_map(Constant::bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: Identity = Identity {
        ids: [0x8086, 0x100e],
        revision: 3,
        class: [0, 0, 2],
        header_type: 0,
        express: false,
        regions: &[Region::memory(0x10, 0x20000), Region::ports(0x14, 64), Region::rom(0x40000)],
        first_capability: 0x40,
        capabilities: &[Constant::partial(0x40, &[0x11, 0, 4, 0], 0x3f)],
        exceptions: &[],
    };

    fn card() -> [u8; 256] {
        let mut config = [0; 256];
        CARD.write(&mut config);
        config
    }

    #[test]
    fn constants_of_a_card() {
        let config = card();
        assert_eq!(config[..16], [0x86, 0x80, 0x0e, 0x10, 0, 0, 0x10, 0, 3, 0, 0, 2, 0, 0, 0, 0]);
        assert_eq!((config[0x14], config[0x34], &config[0x40..0x44]), (1, 0x40, &[0x11, 0, 4, 0][..]));
        CARD.check(&config).unwrap();
    }

    #[test]
    fn exceptions_replace_constants() {
        const OLD: Identity = Identity { exceptions: &[Constant::new(0x42, &[1])], ..CARD };
        let mut config = card();
        OLD.check(&config).unwrap_err();
        config[0x42] = 1;
        OLD.check(&config).unwrap();
    }

    #[test]
    fn other_bits_are_rejected() {
        for (offset, value) in [(0, 0x85), (6, 0), (8, 2), (0xb, 1), (0x10, 1), (0x12, 1), (0x14, 0x21), (0x42, 3)] {
            let mut config = card();
            config[offset] = value;
            let error = CARD.check(&config).unwrap_err();
            assert!(error.expected().ends_with(&format!("at {offset:#x}")), "{error}");
        }
    }

    #[test]
    fn writable_bits_are_accepted() {
        for (offset, value) in [(4, 7), (0x12, 0xfe), (0x13, 0xff), (0x14, 0x41), (0x30, 1), (0x3c, 11), (0x43, 0xc0)] {
            let mut config = card();
            config[offset] = value;
            CARD.check(&config).unwrap_or_else(|error| panic!("{offset:#x}: {error}"));
        }
    }
}
