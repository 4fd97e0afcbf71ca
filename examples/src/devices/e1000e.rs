//! The network card e1000e (82574L): QEMU's section "e1000e".
//!
//! The fields are those of QEMU's `e1000e_vmstate`, `e1000e_vmstate_tx` and `e1000e_vmstate_intr_timer`
//! (`hw/net/e1000e.c`). 10.0 has padding where 7.2 has six flags, and both are at version 1: two structs, and one list.

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::msix::Msix;
use super::pci::PciDevice;
use super::zeros;

/// How many registers of 32 bits there are.
const REGISTERS: usize = 0x8000;

/// The card, with what the release has for its pending interrupts and behind all the rest.
macro_rules! e1000e {
    ($(#[$doc:meta])* $name:ident { $($pending:tt)* } { $($pending_messages:tt)* } { $($rest:tt)* }) => {
        $(#[$doc])*
        #[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
        #[vmstate(name = "e1000e")]
        pub struct $name {
            /// The device on the bus.
            #[vmstate(name = "parent_obj[0]")]
            #[default(PciDevice::express())]
            pub pci: PciDevice,
            /// Its messages.
            #[vmstate(name = "parent_obj[1]")]
            #[default(Msix::new(5))]
            pub msix: Msix,
            /// Which register is accessed through its ports.
            pub ioaddr: u32,
            /// The threshold of receive buffers, as a shift.
            #[vmstate(name = "core.rxbuf_min_shift")]
            pub rxbuf_min_shift: u32,
            /// The bytes of a receive descriptor.
            #[vmstate(name = "core.rx_desc_len")]
            pub rx_desc_len: u8,
            /// The sizes of the buffers of a receive descriptor.
            #[vmstate(name = "core.rxbuf_sizes")]
            pub rxbuf_sizes: [u32; 4],
            /// All of them together.
            #[vmstate(name = "core.rx_desc_buf_size")]
            pub rx_desc_buf_size: u32,
            /// The EEPROM.
            #[vmstate(name = "core.eeprom")]
            #[default([0; 64])]
            pub eeprom: [u16; 64],
            /// The registers of the PHY, seven pages.
            #[vmstate(name = "core.phy")]
            pub phy: [[u16; 32]; 7],
            /// The registers of the card.
            #[vmstate(name = "core.mac")]
            #[default(zeros())]
            pub mac: Box<[u32; REGISTERS]>,
            /// Its address.
            #[vmstate(name = "core.permanent_mac")]
            pub permanent_mac: [u8; 6],
            /// Interrupts that wait for others.
            #[vmstate(name = "core.delayed_causes")]
            pub delayed_causes: u32,
            /// Who sells it: the card.
            pub subsys: u16,
            /// Who sells it: the seller.
            pub subsys_ven: u16,
            /// Receive interrupts: delay.
            #[vmstate(name = "core.rdtr")]
            pub rdtr: InterruptTimer,
            /// Receive interrupts: longest delay.
            #[vmstate(name = "core.radv")]
            pub radv: InterruptTimer,
            /// Small packets: delay.
            #[vmstate(name = "core.raid")]
            pub raid: InterruptTimer,
            /// Transmit interrupts: longest delay.
            #[vmstate(name = "core.tadv")]
            pub tadv: InterruptTimer,
            /// Transmit interrupts: delay.
            #[vmstate(name = "core.tidv")]
            pub tidv: InterruptTimer,
            /// Least time between interrupts.
            #[vmstate(name = "core.itr")]
            pub itr: InterruptTimer,
            $($pending)*
            /// Least time between the messages of each vector.
            #[vmstate(name = "core.eitr")]
            pub eitr: [InterruptTimer; 5],
            $($pending_messages)*
            /// What the guest wrote there.
            #[vmstate(name = "core.itr_guest_value")]
            pub itr_guest_value: u32,
            /// What the guest wrote for each vector.
            #[vmstate(name = "core.eitr_guest_value")]
            pub eitr_guest_value: [u32; 5],
            /// EtherType of VLAN packets.
            #[vmstate(name = "core.vet")]
            pub vet: u16,
            /// What is being sent, for each queue.
            #[vmstate(name = "core.tx")]
            pub tx: [Transmitter; 2],
            $($rest)*
        }
    };
}

e1000e! {
    /// The card, as QEMU 7.2 has it.
    E1000e7_2
    {
        /// Whether an interrupt waits for that.
        #[vmstate(name = "core.itr_intr_pending")]
        pub itr_intr_pending: bool,
    }
    {
        /// Whether a message waits for that.
        #[vmstate(name = "core.eitr_intr_pending")]
        pub eitr_intr_pending: [bool; 5],
    }
    {}
}

e1000e! {
    /// The card, as QEMU 10.0 has it.
    E1000e
    {
        /// Was once whether an interrupt waits for that.
        #[vmstate(name = "unused[0]")]
        pub was_itr_intr_pending: Unused<1>,
    }
    {
        /// Was once whether a message waits for that.
        #[vmstate(name = "unused[1]")]
        pub was_eitr_intr_pending: Unused<5>,
    }
    {
        /// What its clock is ahead of the machine's.
        #[vmstate(name = "core.timadj", when = |card| card.has_timadj)]
        pub timadj: i64,
        /// Whether that is sent; not before `pc-q35-8.1`.
        #[vmstate(skip = "a property of the device, which the machine's type sets")]
        #[default(true)]
        pub has_timadj: bool,
    }
}

/// A timer that delays interrupts.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "e1000e-intr-timer")]
pub struct InterruptTimer {
    /// When it is due.
    #[vmstate(timer)]
    pub timer: Option<u64>,
    /// Whether it runs.
    pub running: bool,
}

/// What is being sent.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "e1000e-tx")]
pub struct Transmitter {
    /// Which checksums are made.
    pub sum_needed: u8,
    /// Where the IP checksum's range starts.
    #[vmstate(name = "props.ipcss")]
    pub ipcss: u8,
    /// Where the IP checksum goes.
    #[vmstate(name = "props.ipcso")]
    pub ipcso: u8,
    /// Where the IP checksum's range ends.
    #[vmstate(name = "props.ipcse")]
    pub ipcse: u16,
    /// Where the TCP or UDP checksum's range starts.
    #[vmstate(name = "props.tucss")]
    pub tucss: u8,
    /// Where the TCP or UDP checksum goes.
    #[vmstate(name = "props.tucso")]
    pub tucso: u8,
    /// Where the TCP or UDP checksum's range ends.
    #[vmstate(name = "props.tucse")]
    pub tucse: u16,
    /// The length of the headers.
    #[vmstate(name = "props.hdr_len")]
    pub hdr_len: u8,
    /// The largest segment.
    #[vmstate(name = "props.mss")]
    pub mss: u16,
    /// The length of what follows the headers.
    #[vmstate(name = "props.paylen")]
    pub paylen: u32,
    /// Whether it is IPv4.
    #[vmstate(name = "props.ip")]
    pub ip: i8,
    /// Whether it is TCP.
    #[vmstate(name = "props.tcp")]
    pub tcp: i8,
    /// Whether the packet is segmented, as its context says.
    #[vmstate(name = "props.tse")]
    pub tse: bool,
    /// Whether it is, as its data say.
    pub cptse: bool,
    /// Whether the rest of it is dropped.
    pub skip_cp: bool,
}
