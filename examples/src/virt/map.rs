//! Where everything is: the memory map of QEMU's `virt` machine.

/// The program that the hart starts with.
pub const MROM: u64 = 0x1000;
/// How much room it has.
pub const MROM_SIZE: usize = 0xf000;
/// The test finisher: what is written there ends the run.
pub const FINISHER: u64 = 0x10_0000;
/// The clock with the date.
pub const RTC: u64 = 0x10_1000;
/// The timer and the software interrupts.
pub const CLINT: u64 = 0x200_0000;
/// The interrupt controller.
pub const PLIC: u64 = 0xc00_0000;
/// The serial port.
pub const UART: u64 = 0x1000_0000;
/// The firmware's configuration.
pub const FW_CFG: u64 = 0x1010_0000;
/// Two flash memories, one behind the other.
pub const FLASH: u64 = 0x2000_0000;
/// The size of each of them.
pub const FLASH_SIZE: usize = 0x200_0000;
/// The memory, and where programs begin.
pub const RAM: u64 = 0x8000_0000;

/// The interrupt of the serial port.
pub const UART_IRQ: u32 = 10;
/// The interrupt of the clock with the date.
pub const RTC_IRQ: u32 = 11;
