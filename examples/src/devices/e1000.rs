//! The network card e1000 (82540EM): QEMU's section "e1000".
//!
//! The fields follow QEMU's `vmstate_e1000` and its subsections `vmstate_e1000_mit_state`,
//! `vmstate_e1000_full_mac_state` and `vmstate_e1000_tx_tso_state` (`hw/net/e1000.c`).

use vmstate::prelude::*;

use super::pci::{PciDevice, identities};
use super::zeros;

/// The number of 32-bit registers.
const REGISTERS: usize = 0x8000;
/// The longest segment.
const SEGMENT: usize = 0x10000;

/// The card.
///
/// The registers are sent twice: some of them by name, as in all releases, and all of them since QEMU 2.5.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(
    name = "e1000",
    version = 2,
    field("mac_reg[CTRL]": u32 = mac_reg[register::CTRL]),
    field("mac_reg[EECD]": u32 = mac_reg[register::EECD]),
    field("mac_reg[EERD]": u32 = mac_reg[register::EERD]),
    field("mac_reg[GPRC]": u32 = mac_reg[register::GPRC]),
    field("mac_reg[GPTC]": u32 = mac_reg[register::GPTC]),
    field("mac_reg[ICR]": u32 = mac_reg[register::ICR]),
    field("mac_reg[ICS]": u32 = mac_reg[register::ICS]),
    field("mac_reg[IMC]": u32 = mac_reg[register::IMC]),
    field("mac_reg[IMS]": u32 = mac_reg[register::IMS]),
    field("mac_reg[LEDCTL]": u32 = mac_reg[register::LEDCTL]),
    field("mac_reg[MANC]": u32 = mac_reg[register::MANC]),
    field("mac_reg[MDIC]": u32 = mac_reg[register::MDIC]),
    field("mac_reg[MPC]": u32 = mac_reg[register::MPC]),
    field("mac_reg[PBA]": u32 = mac_reg[register::PBA]),
    field("mac_reg[RCTL]": u32 = mac_reg[register::RCTL]),
    field("mac_reg[RDBAH]": u32 = mac_reg[register::RDBAH]),
    field("mac_reg[RDBAL]": u32 = mac_reg[register::RDBAL]),
    field("mac_reg[RDH]": u32 = mac_reg[register::RDH]),
    field("mac_reg[RDLEN]": u32 = mac_reg[register::RDLEN]),
    field("mac_reg[RDT]": u32 = mac_reg[register::RDT]),
    field("mac_reg[STATUS]": u32 = mac_reg[register::STATUS]),
    field("mac_reg[SWSM]": u32 = mac_reg[register::SWSM]),
    field("mac_reg[TCTL]": u32 = mac_reg[register::TCTL]),
    field("mac_reg[TDBAH]": u32 = mac_reg[register::TDBAH]),
    field("mac_reg[TDBAL]": u32 = mac_reg[register::TDBAL]),
    field("mac_reg[TDH]": u32 = mac_reg[register::TDH]),
    field("mac_reg[TDLEN]": u32 = mac_reg[register::TDLEN]),
    field("mac_reg[TDT]": u32 = mac_reg[register::TDT]),
    field("mac_reg[TORH]": u32 = mac_reg[register::TORH]),
    field("mac_reg[TORL]": u32 = mac_reg[register::TORL]),
    field("mac_reg[TOTH]": u32 = mac_reg[register::TOTH]),
    field("mac_reg[TOTL]": u32 = mac_reg[register::TOTL]),
    field("mac_reg[TPR]": u32 = mac_reg[register::TPR]),
    field("mac_reg[TPT]": u32 = mac_reg[register::TPT]),
    field("mac_reg[TXDCTL]": u32 = mac_reg[register::TXDCTL]),
    field("mac_reg[WUFC]": u32 = mac_reg[register::WUFC]),
    field("mac_reg[VET]": u32 = mac_reg[register::VET]),
    field("mac_reg[0]": [u32; REGISTERS] = mac_reg, range = register::RA..register::RA + 32),
    field("mac_reg[1]": [u32; REGISTERS] = mac_reg, range = register::MTA..register::MTA + 128),
    field("mac_reg[2]": [u32; REGISTERS] = mac_reg, range = register::VFTA..register::VFTA + 128),
    subsection("e1000/mit_state", needed = |card| card.compatibility.mitigation),
    subsection("e1000/tx_tso_state", needed = |card| card.compatibility.tso)
)]
pub struct E1000 {
    /// The PCI device.
    #[vmstate(name = "parent_obj")]
    pub pci: PciDevice,
    /// Padding of the former instance ID.
    #[vmstate(name = "unused", until = 1)]
    pub was_instance: Unused<4>,
    /// Padding of a former memory handle.
    #[vmstate(name = "unused")]
    pub was_mmio_base: Unused<4>,
    /// The receive buffer size.
    pub rxbuf_size: u32,
    /// The receive buffer threshold as a shift.
    pub rxbuf_min_shift: u32,
    /// The EEPROM interface.
    #[vmstate(inline)]
    pub eecd_state: EecdState,
    /// Last packet: start of the IP checksum.
    #[vmstate(name = "mig_props.ipcss")]
    pub mig_props_ipcss: u8,
    /// Last packet: offset of the IP checksum.
    #[vmstate(name = "mig_props.ipcso")]
    pub mig_props_ipcso: u8,
    /// Last packet: end of the IP checksum.
    #[vmstate(name = "mig_props.ipcse")]
    pub mig_props_ipcse: u16,
    /// Last packet: start of the TCP or UDP checksum.
    #[vmstate(name = "mig_props.tucss")]
    pub mig_props_tucss: u8,
    /// Last packet: offset of the TCP or UDP checksum.
    #[vmstate(name = "mig_props.tucso")]
    pub mig_props_tucso: u8,
    /// Last packet: end of the TCP or UDP checksum.
    #[vmstate(name = "mig_props.tucse")]
    pub mig_props_tucse: u16,
    /// Last packet: payload length.
    #[vmstate(name = "mig_props.paylen")]
    pub mig_props_paylen: u32,
    /// Last packet: header length.
    #[vmstate(name = "mig_props.hdr_len")]
    pub mig_props_hdr_len: u8,
    /// Last packet: maximum segment size.
    #[vmstate(name = "mig_props.mss")]
    pub mig_props_mss: u16,
    /// The number of bytes of the packet so far.
    #[vmstate(name = "tx.size")]
    pub tx_size: u16,
    /// The number of segments sent.
    #[vmstate(name = "tx.tso_frames")]
    pub tx_tso_frames: u16,
    /// The checksums to insert.
    #[vmstate(name = "tx.sum_needed")]
    pub tx_sum_needed: u8,
    /// Last packet: whether it is IPv4.
    #[vmstate(name = "mig_props.ip")]
    pub mig_props_ip: i8,
    /// Last packet: whether it is TCP.
    #[vmstate(name = "mig_props.tcp")]
    pub mig_props_tcp: i8,
    /// The header of all segments.
    #[vmstate(name = "tx.header", buffer)]
    pub tx_header: [u8; 256],
    /// The packet data.
    #[vmstate(name = "tx.data", buffer)]
    pub tx_data: Box<[u8; SEGMENT]>,
    /// The EEPROM.
    pub eeprom_data: [u16; 64],
    /// The registers of the PHY.
    pub phy_reg: [u16; 32],
    /// The interrupt level seen by the guest.
    #[vmstate(
        in = "e1000/mit_state",
        field("mac_reg[RDTR]": u32 = mac_reg[register::RDTR]),
        field("mac_reg[RADV]": u32 = mac_reg[register::RADV]),
        field("mac_reg[TADV]": u32 = mac_reg[register::TADV]),
        field("mac_reg[ITR]": u32 = mac_reg[register::ITR])
    )]
    pub mit_irq_level: bool,
    /// All registers.
    #[vmstate(subsection("e1000/full_mac_state", needed = |card| card.compatibility.all_registers))]
    pub mac_reg: Box<[u32; REGISTERS]>,
    /// The offload of segmented packets.
    #[vmstate(name = "tx.tso_props", inline, in = "e1000/tx_tso_state")]
    pub tso_props: OffloadProps,
    /// The subsections of the machine type.
    #[vmstate(skip = "a property of the machine type")]
    pub compatibility: Compatibility,
}

/// The serial interface of the EEPROM.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
pub struct EecdState {
    /// The bits shifted in.
    pub val_in: u32,
    /// The number of bits shifted in.
    pub bitnum_in: u16,
    /// The next bit to shift out.
    pub bitnum_out: u16,
    /// Set while a word is being read.
    pub reading: u16,
    /// The previous value of EECD.
    pub old_eecd: u32,
}

/// The offload of a packet (`e1000x_txd_props`).
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
pub struct OffloadProps {
    /// Start of the IP checksum.
    pub ipcss: u8,
    /// Offset of the IP checksum.
    pub ipcso: u8,
    /// End of the IP checksum.
    pub ipcse: u16,
    /// Start of the TCP or UDP checksum.
    pub tucss: u8,
    /// Offset of the TCP or UDP checksum.
    pub tucso: u8,
    /// End of the TCP or UDP checksum.
    pub tucse: u16,
    /// Payload length.
    pub paylen: u32,
    /// Header length.
    pub hdr_len: u8,
    /// Maximum segment size.
    pub mss: u16,
    /// Set for IPv4.
    pub ip: i8,
    /// Set for TCP.
    pub tcp: i8,
}

/// The subsections that a machine type sends. Older types lack some (`hw_compat_*` in hw/core/machine.c).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compatibility {
    /// Interrupt mitigation, since QEMU 1.7.
    pub mitigation: bool,
    /// All registers, since QEMU 2.5.
    pub all_registers: bool,
    /// Two kinds of offload at once, since QEMU 2.12.
    pub tso: bool,
}

impl Default for Compatibility {
    /// Returns the compatibility of the newest machine types.
    fn default() -> Self {
        Self { mitigation: true, all_registers: true, tso: true }
    }
}

impl Default for E1000 {
    fn default() -> Self {
        Self {
            pci: PciDevice::new(&identities::E1000),
            was_instance: Unused,
            was_mmio_base: Unused,
            rxbuf_size: 2048,
            rxbuf_min_shift: 1,
            eecd_state: EecdState::default(),
            mig_props_ipcss: 0,
            mig_props_ipcso: 0,
            mig_props_ipcse: 0,
            mig_props_tucss: 0,
            mig_props_tucso: 0,
            mig_props_tucse: 0,
            mig_props_paylen: 0,
            mig_props_hdr_len: 0,
            mig_props_mss: 0,
            tx_size: 0,
            tx_tso_frames: 0,
            tx_sum_needed: 0,
            mig_props_ip: 0,
            mig_props_tcp: 0,
            tx_header: [0; 256],
            tx_data: zeros(),
            eeprom_data: [0; 64],
            phy_reg: [0; 32],
            mit_irq_level: false,
            mac_reg: zeros(),
            tso_props: OffloadProps::default(),
            compatibility: Compatibility::default(),
        }
    }
}

/// The indices in [`E1000::mac_reg`] of the registers with names in streams.
pub mod register {
    /// Device control.
    pub const CTRL: usize = 0;
    /// EEPROM control.
    pub const EECD: usize = 0x10 / 4;
    /// EEPROM read.
    pub const EERD: usize = 0x14 / 4;
    /// Good packets received.
    pub const GPRC: usize = 0x4074 / 4;
    /// Good packets sent.
    pub const GPTC: usize = 0x4080 / 4;
    /// Interrupt cause read.
    pub const ICR: usize = 0xc0 / 4;
    /// Interrupt cause set.
    pub const ICS: usize = 0xc8 / 4;
    /// Interrupt mask clear.
    pub const IMC: usize = 0xd8 / 4;
    /// Interrupt mask set.
    pub const IMS: usize = 0xd0 / 4;
    /// LED control.
    pub const LEDCTL: usize = 0xe00 / 4;
    /// Management control.
    pub const MANC: usize = 0x5820 / 4;
    /// MDI control (PHY access).
    pub const MDIC: usize = 0x20 / 4;
    /// Packets missed.
    pub const MPC: usize = 0x4010 / 4;
    /// Packet buffer allocation.
    pub const PBA: usize = 0x1000 / 4;
    /// Receive control.
    pub const RCTL: usize = 0x100 / 4;
    /// Receive ring: address, upper half.
    pub const RDBAH: usize = 0x2804 / 4;
    /// Receive ring: address, lower half.
    pub const RDBAL: usize = 0x2800 / 4;
    /// Receive ring: head.
    pub const RDH: usize = 0x2810 / 4;
    /// Receive ring: length.
    pub const RDLEN: usize = 0x2808 / 4;
    /// Receive ring: tail.
    pub const RDT: usize = 0x2818 / 4;
    /// Device status.
    pub const STATUS: usize = 0x8 / 4;
    /// Software semaphore.
    pub const SWSM: usize = 0x5b50 / 4;
    /// Transmit control.
    pub const TCTL: usize = 0x400 / 4;
    /// Transmit ring: address, upper half.
    pub const TDBAH: usize = 0x3804 / 4;
    /// Transmit ring: address, lower half.
    pub const TDBAL: usize = 0x3800 / 4;
    /// Transmit ring: head.
    pub const TDH: usize = 0x3810 / 4;
    /// Transmit ring: length.
    pub const TDLEN: usize = 0x3808 / 4;
    /// Transmit ring: tail.
    pub const TDT: usize = 0x3818 / 4;
    /// Octets received, upper half.
    pub const TORH: usize = 0x40c4 / 4;
    /// Octets received, lower half.
    pub const TORL: usize = 0x40c0 / 4;
    /// Octets sent, upper half.
    pub const TOTH: usize = 0x40cc / 4;
    /// Octets sent, lower half.
    pub const TOTL: usize = 0x40c8 / 4;
    /// Packets received.
    pub const TPR: usize = 0x40d0 / 4;
    /// Packets sent.
    pub const TPT: usize = 0x40d4 / 4;
    /// Transmit descriptor control.
    pub const TXDCTL: usize = 0x3828 / 4;
    /// Wake-up filter control.
    pub const WUFC: usize = 0x5808 / 4;
    /// EtherType of VLAN packets.
    pub const VET: usize = 0x38 / 4;
    /// Receive interrupt delay.
    pub const RDTR: usize = 0x2820 / 4;
    /// Receive interrupt absolute delay.
    pub const RADV: usize = 0x282c / 4;
    /// Transmit interrupt absolute delay.
    pub const TADV: usize = 0x382c / 4;
    /// Interrupt throttling.
    pub const ITR: usize = 0xc4 / 4;
    /// Receive addresses.
    pub const RA: usize = 0x5400 / 4;
    /// Multicast table.
    pub const MTA: usize = 0x5200 / 4;
    /// VLAN filter table.
    pub const VFTA: usize = 0x5600 / 4;
}
