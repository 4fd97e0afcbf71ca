//! The memory map of QEMU's machine `virt` (`virt_memmap` in hw/riscv/virt.c).

/// The boot ROM.
pub const MROM: u64 = 0x1000;
/// The size of the boot ROM.
pub const MROM_SIZE: usize = 0xf000;
/// The test finisher, which ends the run when it is written.
pub const FINISHER: u64 = 0x10_0000;
/// The real-time clock.
pub const RTC: u64 = 0x10_1000;
/// The timer and the software interrupts.
pub const CLINT: u64 = 0x200_0000;
/// The interrupt controller.
pub const PLIC: u64 = 0xc00_0000;
/// The serial port.
pub const UART: u64 = 0x1000_0000;
/// The firmware configuration.
pub const FW_CFG: u64 = 0x1010_0000;
/// Two adjacent flash memories.
pub const FLASH: u64 = 0x2000_0000;
/// The size of a flash memory.
pub const FLASH_SIZE: usize = 0x200_0000;
/// RAM, where programs start.
pub const RAM: u64 = 0x8000_0000;

/// The interrupt number of the serial port.
pub const UART_IRQ: u32 = 10;
/// The interrupt number of the real-time clock.
pub const RTC_IRQ: u32 = 11;
