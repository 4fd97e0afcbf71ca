//! The network card e1000 (82540EM): QEMU's section "e1000".
//!
//! The fields are those of QEMU's `vmstate_e1000` and its subsections `vmstate_e1000_mit_state`,
//! `vmstate_e1000_full_mac_state` and `vmstate_e1000_tx_tso_state`.

use vmstate::prelude::*;

use super::pci::PciDevice;
use super::zeros;

/// How many registers of 32 bits there are.
const REGISTERS: usize = 0x8000;
/// The longest segment that is put together.
const SEGMENT: usize = 0x10000;

/// The card.
///
/// QEMU keeps all registers in one array, and sends some of them twice: first by name, as it always did, and then all.
/// Here, registers with names and [`mac_reg`](Self::mac_reg) are members of their own. What a guest sees after a load is
/// `mac_reg` if it was in the stream, and else the others.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(
    name = "e1000",
    version = 2,
    subsection("e1000/mit_state", needed = Self::has_mitigation),
    subsection("e1000/tx_tso_state", needed = Self::has_tso)
)]
pub struct E1000 {
    /// The device on the bus.
    #[vmstate(name = "parent_obj")]
    pub pci: PciDevice,
    /// Was once the instance id.
    #[vmstate(name = "unused", until = 1)]
    pub was_instance: Unused<4>,
    /// Was once a handle of the registers' memory.
    #[vmstate(name = "unused")]
    pub was_mmio_base: Unused<4>,
    /// The size of a receive buffer.
    pub rxbuf_size: u32,
    /// The threshold of receive buffers, as a shift.
    pub rxbuf_min_shift: u32,
    /// EEPROM: bits shifted into the EEPROM.
    #[vmstate(name = "eecd_state.val_in")]
    pub eecd_val_in: u32,
    /// EEPROM: how many of them.
    #[vmstate(name = "eecd_state.bitnum_in")]
    pub eecd_bitnum_in: u16,
    /// EEPROM: which bit comes out next.
    #[vmstate(name = "eecd_state.bitnum_out")]
    pub eecd_bitnum_out: u16,
    /// EEPROM: whether a word is being read.
    #[vmstate(name = "eecd_state.reading")]
    pub eecd_reading: u16,
    /// EEPROM: what EECD was.
    #[vmstate(name = "eecd_state.old_eecd")]
    pub eecd_old_eecd: u32,
    /// Offload of the last packet: where the IP checksum's range starts.
    #[vmstate(name = "mig_props.ipcss")]
    pub mig_props_ipcss: u8,
    /// Offload of the last packet: where the IP checksum goes.
    #[vmstate(name = "mig_props.ipcso")]
    pub mig_props_ipcso: u8,
    /// Offload of the last packet: where the IP checksum's range ends.
    #[vmstate(name = "mig_props.ipcse")]
    pub mig_props_ipcse: u16,
    /// Offload of the last packet: where the TCP or UDP checksum's range starts.
    #[vmstate(name = "mig_props.tucss")]
    pub mig_props_tucss: u8,
    /// Offload of the last packet: where the TCP or UDP checksum goes.
    #[vmstate(name = "mig_props.tucso")]
    pub mig_props_tucso: u8,
    /// Offload of the last packet: where the TCP or UDP checksum's range ends.
    #[vmstate(name = "mig_props.tucse")]
    pub mig_props_tucse: u16,
    /// Offload of the last packet: the payload's length.
    #[vmstate(name = "mig_props.paylen")]
    pub mig_props_paylen: u32,
    /// Offload of the last packet: the header's length.
    #[vmstate(name = "mig_props.hdr_len")]
    pub mig_props_hdr_len: u8,
    /// Offload of the last packet: the largest segment.
    #[vmstate(name = "mig_props.mss")]
    pub mig_props_mss: u16,
    /// How many bytes of the packet are there.
    #[vmstate(name = "tx.size")]
    pub tx_size: u16,
    /// How many segments of it have been sent.
    #[vmstate(name = "tx.tso_frames")]
    pub tx_tso_frames: u16,
    /// Which checksums are to be filled in.
    #[vmstate(name = "tx.sum_needed")]
    pub tx_sum_needed: u8,
    /// Offload of the last packet: whether it is IPv4.
    #[vmstate(name = "mig_props.ip")]
    pub mig_props_ip: i8,
    /// Offload of the last packet: whether it is TCP.
    #[vmstate(name = "mig_props.tcp")]
    pub mig_props_tcp: i8,
    /// The header that all segments get.
    #[vmstate(name = "tx.header", buffer)]
    pub tx_header: [u8; 256],
    /// The packet.
    #[vmstate(name = "tx.data", buffer)]
    pub tx_data: Box<[u8; SEGMENT]>,
    /// The EEPROM.
    pub eeprom_data: [u16; 64],
    /// The registers of the PHY.
    pub phy_reg: [u16; 32],
    /// Device control.
    #[vmstate(name = "mac_reg[CTRL]")]
    pub ctrl: u32,
    /// EEPROM control.
    #[vmstate(name = "mac_reg[EECD]")]
    pub eecd: u32,
    /// EEPROM read.
    #[vmstate(name = "mac_reg[EERD]")]
    pub eerd: u32,
    /// Good packets received.
    #[vmstate(name = "mac_reg[GPRC]")]
    pub gprc: u32,
    /// Good packets sent.
    #[vmstate(name = "mac_reg[GPTC]")]
    pub gptc: u32,
    /// Interrupt causes.
    #[vmstate(name = "mac_reg[ICR]")]
    pub icr: u32,
    /// Interrupt causes to be set.
    #[vmstate(name = "mac_reg[ICS]")]
    pub ics: u32,
    /// Interrupts to be masked.
    #[vmstate(name = "mac_reg[IMC]")]
    pub imc: u32,
    /// Interrupts that are not masked.
    #[vmstate(name = "mac_reg[IMS]")]
    pub ims: u32,
    /// Control of the LEDs.
    #[vmstate(name = "mac_reg[LEDCTL]")]
    pub ledctl: u32,
    /// Management control.
    #[vmstate(name = "mac_reg[MANC]")]
    pub manc: u32,
    /// Access to the PHY.
    #[vmstate(name = "mac_reg[MDIC]")]
    pub mdic: u32,
    /// Packets missed.
    #[vmstate(name = "mac_reg[MPC]")]
    pub mpc: u32,
    /// Division of the packet buffer.
    #[vmstate(name = "mac_reg[PBA]")]
    pub pba: u32,
    /// Receive control.
    #[vmstate(name = "mac_reg[RCTL]")]
    pub rctl: u32,
    /// Receive ring: address, upper half.
    #[vmstate(name = "mac_reg[RDBAH]")]
    pub rdbah: u32,
    /// Receive ring: address, lower half.
    #[vmstate(name = "mac_reg[RDBAL]")]
    pub rdbal: u32,
    /// Receive ring: head.
    #[vmstate(name = "mac_reg[RDH]")]
    pub rdh: u32,
    /// Receive ring: length.
    #[vmstate(name = "mac_reg[RDLEN]")]
    pub rdlen: u32,
    /// Receive ring: tail.
    #[vmstate(name = "mac_reg[RDT]")]
    pub rdt: u32,
    /// Device status.
    #[vmstate(name = "mac_reg[STATUS]")]
    pub status: u32,
    /// Semaphore of the software.
    #[vmstate(name = "mac_reg[SWSM]")]
    pub swsm: u32,
    /// Transmit control.
    #[vmstate(name = "mac_reg[TCTL]")]
    pub tctl: u32,
    /// Transmit ring: address, upper half.
    #[vmstate(name = "mac_reg[TDBAH]")]
    pub tdbah: u32,
    /// Transmit ring: address, lower half.
    #[vmstate(name = "mac_reg[TDBAL]")]
    pub tdbal: u32,
    /// Transmit ring: head.
    #[vmstate(name = "mac_reg[TDH]")]
    pub tdh: u32,
    /// Transmit ring: length.
    #[vmstate(name = "mac_reg[TDLEN]")]
    pub tdlen: u32,
    /// Transmit ring: tail.
    #[vmstate(name = "mac_reg[TDT]")]
    pub tdt: u32,
    /// Octets received, upper half.
    #[vmstate(name = "mac_reg[TORH]")]
    pub torh: u32,
    /// Octets received, lower half.
    #[vmstate(name = "mac_reg[TORL]")]
    pub torl: u32,
    /// Octets sent, upper half.
    #[vmstate(name = "mac_reg[TOTH]")]
    pub toth: u32,
    /// Octets sent, lower half.
    #[vmstate(name = "mac_reg[TOTL]")]
    pub totl: u32,
    /// Packets received.
    #[vmstate(name = "mac_reg[TPR]")]
    pub tpr: u32,
    /// Packets sent.
    #[vmstate(name = "mac_reg[TPT]")]
    pub tpt: u32,
    /// Control of transmit descriptors.
    #[vmstate(name = "mac_reg[TXDCTL]")]
    pub txdctl: u32,
    /// What wakes the machine up.
    #[vmstate(name = "mac_reg[WUFC]")]
    pub wufc: u32,
    /// EtherType of VLAN packets.
    #[vmstate(name = "mac_reg[VET]")]
    pub vet: u32,
    /// The addresses that are received.
    #[vmstate(name = "mac_reg[0]")]
    pub ra: [u32; 32],
    /// Multicast addresses, as bits.
    #[vmstate(name = "mac_reg[1]")]
    pub mta: [u32; 128],
    /// VLANs, as bits.
    #[vmstate(name = "mac_reg[2]")]
    pub vfta: [u32; 128],
    /// Receive interrupts: delay.
    #[vmstate(name = "mac_reg[RDTR]", in = "e1000/mit_state")]
    pub rdtr: u32,
    /// Receive interrupts: longest delay.
    #[vmstate(name = "mac_reg[RADV]", in = "e1000/mit_state")]
    pub radv: u32,
    /// Transmit interrupts: longest delay.
    #[vmstate(name = "mac_reg[TADV]", in = "e1000/mit_state")]
    pub tadv: u32,
    /// Least time between interrupts.
    #[vmstate(name = "mac_reg[ITR]", in = "e1000/mit_state")]
    pub itr: u32,
    /// Whether the interrupt is raised, as far as the guest knows.
    #[vmstate(in = "e1000/mit_state")]
    pub mit_irq_level: bool,
    /// All registers.
    #[vmstate(subsection("e1000/full_mac_state", needed = Self::has_all_registers))]
    pub mac_reg: Box<[u32; REGISTERS]>,
    /// Offload of a segmented packet: where the IP checksum's range starts.
    #[vmstate(name = "tx.tso_props.ipcss", in = "e1000/tx_tso_state")]
    pub tso_props_ipcss: u8,
    /// Offload of a segmented packet: where the IP checksum goes.
    #[vmstate(name = "tx.tso_props.ipcso", in = "e1000/tx_tso_state")]
    pub tso_props_ipcso: u8,
    /// Offload of a segmented packet: where the IP checksum's range ends.
    #[vmstate(name = "tx.tso_props.ipcse", in = "e1000/tx_tso_state")]
    pub tso_props_ipcse: u16,
    /// Offload of a segmented packet: where the TCP or UDP checksum's range starts.
    #[vmstate(name = "tx.tso_props.tucss", in = "e1000/tx_tso_state")]
    pub tso_props_tucss: u8,
    /// Offload of a segmented packet: where the TCP or UDP checksum goes.
    #[vmstate(name = "tx.tso_props.tucso", in = "e1000/tx_tso_state")]
    pub tso_props_tucso: u8,
    /// Offload of a segmented packet: where the TCP or UDP checksum's range ends.
    #[vmstate(name = "tx.tso_props.tucse", in = "e1000/tx_tso_state")]
    pub tso_props_tucse: u16,
    /// Offload of a segmented packet: the payload's length.
    #[vmstate(name = "tx.tso_props.paylen", in = "e1000/tx_tso_state")]
    pub tso_props_paylen: u32,
    /// Offload of a segmented packet: the header's length.
    #[vmstate(name = "tx.tso_props.hdr_len", in = "e1000/tx_tso_state")]
    pub tso_props_hdr_len: u8,
    /// Offload of a segmented packet: the largest segment.
    #[vmstate(name = "tx.tso_props.mss", in = "e1000/tx_tso_state")]
    pub tso_props_mss: u16,
    /// Offload of a segmented packet: whether it is IPv4.
    #[vmstate(name = "tx.tso_props.ip", in = "e1000/tx_tso_state")]
    pub tso_props_ip: i8,
    /// Offload of a segmented packet: whether it is TCP.
    #[vmstate(name = "tx.tso_props.tcp", in = "e1000/tx_tso_state")]
    pub tso_props_tcp: i8,
    /// Which subsections the machine type has.
    #[vmstate(skip = "a property of the machine type")]
    pub compatibility: Compatibility,
}

/// What the card of a machine type sends, which older ones did not.
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
    /// That of the newest machine types.
    fn default() -> Self {
        Self { mitigation: true, all_registers: true, tso: true }
    }
}

impl E1000 {
    fn has_mitigation(&self) -> bool {
        self.compatibility.mitigation
    }

    fn has_all_registers(&self) -> bool {
        self.compatibility.all_registers
    }

    fn has_tso(&self) -> bool {
        self.compatibility.tso
    }
}

impl Default for E1000 {
    fn default() -> Self {
        Self {
            pci: PciDevice::default(),
            was_instance: Unused,
            was_mmio_base: Unused,
            rxbuf_size: 2048,
            rxbuf_min_shift: 1,
            eecd_val_in: 0,
            eecd_bitnum_in: 0,
            eecd_bitnum_out: 0,
            eecd_reading: 0,
            eecd_old_eecd: 0,
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
            ctrl: 0,
            eecd: 0,
            eerd: 0,
            gprc: 0,
            gptc: 0,
            icr: 0,
            ics: 0,
            imc: 0,
            ims: 0,
            ledctl: 0,
            manc: 0,
            mdic: 0,
            mpc: 0,
            pba: 0,
            rctl: 0,
            rdbah: 0,
            rdbal: 0,
            rdh: 0,
            rdlen: 0,
            rdt: 0,
            status: 0,
            swsm: 0,
            tctl: 0,
            tdbah: 0,
            tdbal: 0,
            tdh: 0,
            tdlen: 0,
            tdt: 0,
            torh: 0,
            torl: 0,
            toth: 0,
            totl: 0,
            tpr: 0,
            tpt: 0,
            txdctl: 0,
            wufc: 0,
            vet: 0,
            ra: [0; 32],
            mta: [0; 128],
            vfta: [0; 128],
            rdtr: 0,
            radv: 0,
            tadv: 0,
            itr: 0,
            mit_irq_level: false,
            mac_reg: zeros(),
            tso_props_ipcss: 0,
            tso_props_ipcso: 0,
            tso_props_ipcse: 0,
            tso_props_tucss: 0,
            tso_props_tucso: 0,
            tso_props_tucse: 0,
            tso_props_paylen: 0,
            tso_props_hdr_len: 0,
            tso_props_mss: 0,
            tso_props_ip: 0,
            tso_props_tcp: 0,
            compatibility: Compatibility::default(),
        }
    }
}
