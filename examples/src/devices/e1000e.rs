//! The network card e1000e (82574L): QEMU's section "e1000e".
//!
//! The fields follow QEMU's `e1000e_vmstate`, `e1000e_vmstate_tx` and `e1000e_vmstate_intr_timer`
//! (`hw/net/e1000e.c`). 10.0 has padding where 7.2 has six flags, and both are at version 1: two structs, and one list.

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::msix::Msix;
use super::pci::{PciDevice, identities};
use super::zeros;

/// The vendor ID of Intel.
const INTEL: u16 = 0x8086;
/// The number of 32-bit registers.
const REGISTERS: usize = 0x8000;

/// The card. The parameters are the release's fields for pending interrupts and at the end, and
/// its identity.
macro_rules! e1000e {
    ($(#[$doc:meta])* $name:ident { $($pending:tt)* } { $($pending_messages:tt)* } { $($rest:tt)* } $identity:ident) => {
        $(#[$doc])*
        #[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
        #[vmstate(name = "e1000e", post_load = Self::post_load)]
        pub struct $name {
            /// The PCI device.
            #[vmstate(name = "parent_obj[0]")]
            #[default(PciDevice::new(&identities::$identity))]
            pub pci: PciDevice,
            /// The MSI-X table.
            #[vmstate(name = "parent_obj[1]")]
            #[default(Msix::new(5))]
            pub msix: Msix,
            /// The register selected through the I/O ports.
            pub ioaddr: u32,
            /// The receive buffer threshold as a shift.
            #[vmstate(name = "core.rxbuf_min_shift")]
            pub rxbuf_min_shift: u32,
            /// The size of a receive descriptor in bytes.
            #[vmstate(name = "core.rx_desc_len")]
            pub rx_desc_len: u8,
            /// The buffer sizes of a receive descriptor.
            #[vmstate(name = "core.rxbuf_sizes")]
            pub rxbuf_sizes: [u32; 4],
            /// The total buffer size of a receive descriptor.
            #[vmstate(name = "core.rx_desc_buf_size")]
            pub rx_desc_buf_size: u32,
            /// The EEPROM.
            #[vmstate(name = "core.eeprom")]
            #[default([0; 64])]
            pub eeprom: [u16; 64],
            /// The PHY registers, seven pages.
            #[vmstate(name = "core.phy")]
            pub phy: [[u16; 32]; 7],
            /// The MAC registers.
            #[vmstate(name = "core.mac")]
            #[default(zeros())]
            pub mac: Box<[u32; REGISTERS]>,
            /// The MAC address.
            #[vmstate(name = "core.permanent_mac")]
            pub permanent_mac: [u8; 6],
            /// The delayed interrupt causes.
            #[vmstate(name = "core.delayed_causes")]
            pub delayed_causes: u32,
            /// The subsystem device ID.
            pub subsys: u16,
            /// The subsystem vendor ID.
            #[default(INTEL)]
            pub subsys_ven: u16,
            /// The subsystem's IDs of this card, device and vendor. Others are rejected.
            #[vmstate(skip = "a property of the device")]
            #[default((0, INTEL))]
            pub own_subsys: (u16, u16),
            /// Receive interrupt delay.
            #[vmstate(name = "core.rdtr")]
            pub rdtr: InterruptTimer,
            /// Receive interrupt absolute delay.
            #[vmstate(name = "core.radv")]
            pub radv: InterruptTimer,
            /// Small packet interrupt delay.
            #[vmstate(name = "core.raid")]
            pub raid: InterruptTimer,
            /// Transmit interrupt absolute delay.
            #[vmstate(name = "core.tadv")]
            pub tadv: InterruptTimer,
            /// Transmit interrupt delay.
            #[vmstate(name = "core.tidv")]
            pub tidv: InterruptTimer,
            /// Interrupt throttling.
            #[vmstate(name = "core.itr")]
            pub itr: InterruptTimer,
            $($pending)*
            /// Interrupt throttling of each vector.
            #[vmstate(name = "core.eitr")]
            pub eitr: [InterruptTimer; 5],
            $($pending_messages)*
            /// The value that the guest wrote to the throttling register.
            #[vmstate(name = "core.itr_guest_value")]
            pub itr_guest_value: u32,
            /// The values that the guest wrote for each vector.
            #[vmstate(name = "core.eitr_guest_value")]
            pub eitr_guest_value: [u32; 5],
            /// EtherType of VLAN packets.
            #[vmstate(name = "core.vet")]
            pub vet: u16,
            /// The transmit state of each queue.
            #[vmstate(name = "core.tx")]
            pub tx: [Transmitter; 2],
            $($rest)*
        }

        impl $name {
            /// Rejects a card with another subsystem (`e1000e_post_load` in QEMU's `hw/net/e1000e.c`).
            fn post_load(&mut self) -> Result<(), LoadError> {
                let found = (self.subsys, self.subsys_ven);
                if found == self.own_subsys {
                    return Ok(());
                }
                let name = |(device, vendor): (u16, u16)| format!("subsystem {vendor:04x}:{device:04x}");
                Err(LoadError::rejected(name(self.own_subsys), name(found)))
            }
        }
    };
}

e1000e! {
    /// The fields of QEMU 7.2.
    E1000e7_2
    {
        /// True if an interrupt is pending for the throttling timer.
        #[vmstate(name = "core.itr_intr_pending")]
        pub itr_intr_pending: bool,
    }
    {
        /// True if a message is pending for the throttling timer.
        #[vmstate(name = "core.eitr_intr_pending")]
        pub eitr_intr_pending: [bool; 5],
    }
    {}
    E1000E_7_2
}

e1000e! {
    /// The fields of QEMU 10.0.
    E1000e
    {
        /// Padding of the former pending interrupt.
        #[vmstate(name = "unused[0]")]
        pub was_itr_intr_pending: Unused<1>,
    }
    {
        /// Padding of the former pending messages.
        #[vmstate(name = "unused[1]")]
        pub was_eitr_intr_pending: Unused<5>,
    }
    {
        /// The offset of the card's clock from the machine's.
        #[vmstate(name = "core.timadj", when = |card| card.has_timadj)]
        pub timadj: i64,
        /// True if the offset is sent; not before `pc-q35-8.1`.
        #[vmstate(skip = "a property of the device, which the machine's type sets")]
        #[default(true)]
        pub has_timadj: bool,
    }
    E1000E
}

/// A timer that delays interrupts.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "e1000e-intr-timer")]
pub struct InterruptTimer {
    /// The time when it expires.
    #[vmstate(timer)]
    pub timer: Option<u64>,
    /// True if it is running.
    pub running: bool,
}

/// The transmit state of a queue.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "e1000e-tx")]
pub struct Transmitter {
    /// The checksums to insert.
    pub sum_needed: u8,
    /// Start of the IP checksum.
    #[vmstate(name = "props.ipcss")]
    pub ipcss: u8,
    /// Offset of the IP checksum.
    #[vmstate(name = "props.ipcso")]
    pub ipcso: u8,
    /// End of the IP checksum.
    #[vmstate(name = "props.ipcse")]
    pub ipcse: u16,
    /// Start of the TCP or UDP checksum.
    #[vmstate(name = "props.tucss")]
    pub tucss: u8,
    /// Offset of the TCP or UDP checksum.
    #[vmstate(name = "props.tucso")]
    pub tucso: u8,
    /// End of the TCP or UDP checksum.
    #[vmstate(name = "props.tucse")]
    pub tucse: u16,
    /// The header length.
    #[vmstate(name = "props.hdr_len")]
    pub hdr_len: u8,
    /// The maximum segment size.
    #[vmstate(name = "props.mss")]
    pub mss: u16,
    /// The payload length.
    #[vmstate(name = "props.paylen")]
    pub paylen: u32,
    /// True if the packet is IPv4.
    #[vmstate(name = "props.ip")]
    pub ip: i8,
    /// True if the packet is TCP.
    #[vmstate(name = "props.tcp")]
    pub tcp: i8,
    /// Segmentation according to the context descriptor.
    #[vmstate(name = "props.tse")]
    pub tse: bool,
    /// Segmentation according to the data descriptor.
    pub cptse: bool,
    /// True if the rest of the packet is dropped.
    pub skip_cp: bool,
}
