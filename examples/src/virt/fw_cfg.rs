//! The firmware configuration device `fw_cfg`, with only the signature item.

pub use crate::devices::fw_cfg::FwCfg;

/// Register offsets. The DMA registers are not implemented.
mod offset {
    pub(super) const DATA: std::ops::Range<u64> = 0..8;
    pub(super) const SELECTOR: u64 = 8;
}

/// The contents of an item.
const ITEMS: [&[u8]; 2] = [b"QEMU", &[1, 0, 0, 0]];

impl FwCfg {
    pub(super) fn read(&mut self, offset: u64, size: usize) -> u64 {
        let mut bytes = [0; 8];
        if offset::DATA.contains(&offset) {
            bytes.iter_mut().take(size).for_each(|byte| *byte = self.next());
        }
        u64::from_le_bytes(bytes)
    }

    /// Returns the next byte of the item, or zero after its end.
    fn next(&mut self) -> u8 {
        let item = ITEMS.get(usize::from(self.cur_entry)).copied().unwrap_or_default();
        let byte = item.get(self.cur_offset as usize).copied();
        self.cur_offset += u32::from(byte.is_some());
        byte.unwrap_or_default()
    }

    pub(super) fn write(&mut self, offset: u64, size: usize, value: u64) {
        let [a, b, ..] = value.to_le_bytes();
        if (offset, size) == (offset::SELECTOR, 2) {
            (self.cur_entry, self.cur_offset) = (u16::from_be_bytes([a, b]), 0);
        }
    }
}
