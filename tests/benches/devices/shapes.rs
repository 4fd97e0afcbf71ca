//! The six devices, each with the derives of all codecs.
//!
//! A device is a list of integers, followed by other fields. From the list, the macro `shapes` generates the members and
//! the handwritten code that processes them one by one.

use smart_default::SmartDefault;
use vmstate::VmState;

use crate::{baseline, byteorder_calls};

/// Defines structs: integers, and then fields of other types.
macro_rules! shapes {
    ($(
        $(#[$attribute:meta])*
        $name:ident {
            $($int:ident: $ty:ident),* $(,)?
        }
        and { $($(#[$other_attribute:meta])* $other:ident: $other_ty:ty),* $(,)? }
    )*) => {$(
        #[derive(
            VmState, Clone, Debug, PartialEq, SmartDefault,
            bincode::Encode, bincode::Decode,
            borsh::BorshSerialize, borsh::BorshDeserialize,
            rkyv::Archive, rkyv::Serialize, rkyv::Deserialize,
            savefile::prelude::Savefile,
            serde::Serialize, serde::Deserialize,
            speedy::Readable, speedy::Writable,
            wincode::SchemaRead, wincode::SchemaWrite,
        )]
        $(#[$attribute])*
        pub(crate) struct $name {
            $(pub(crate) $int: $ty,)*
            $($(#[$other_attribute])* pub(crate) $other: $other_ty,)*
        }

        baseline::straight_line!($name: $($int $ty)*);
        byteorder_calls::one_by_one!($name: $($int $ty)*);
    )*};
}

shapes! {
    #[vmstate(name = "uart")]
    Uart {
        divider: u16, rbr: u8, ier: u8, iir: u8, lcr: u8, mcr: u8, lsr: u8, msr: u8, scr: u8, fcr: u8,
        thr_ipending: u8, timeout_ipending: u8, tsr: u8, tsr_retry: u8, poll_msl: i16, last_break_enable: u8,
        recv_head: u8, recv_count: u8, recv_trigger: u8, xmit_head: u8, xmit_count: u8, baud_base: u16,
    } and {
        recv_fifo: [u8; 16],
        xmit_fifo: [u8; 16],
        #[vmstate(timer)]
        fifo_timeout: Option<u64>,
    }

    #[vmstate(name = "pit channel")]
    Channel {
        count: i32, latched_count: u16, count_latched: u8, status_latched: u8, status: u8, read_state: u8,
        write_state: u8, write_latch: u8, rw_mode: u8, mode: u8, gate: u8, count_load_time: i64,
    } and {}

    #[vmstate(name = "pit")]
    Pit {} and {
        channels: [Channel; 3],
    }

    #[vmstate(name = "ioapic")]
    IoApic { id: u8, ioregsel: u32 } and {
        ioredtbl: [u64; 24],
    }

    #[vmstate(name = "nic")]
    Nic {
        ctrl: u32, status: u32, eecd: u32, eerd: u32, ctrl_ext: u32, flash: u32, mdic: u32, scc: u32, fcal: u32,
        fcah: u32, fct: u32, vet: u32, icr: u32, itr: u32, ics: u32, ims: u32, imc: u32, rctl: u32, fcttv: u32,
        txcw: u32, rxcw: u32, tctl: u32, tipg: u32, ait: u32, ledctl: u32, pba: u32, eemngctl: u32, eeaudc: u32,
        flasht: u32, eewr: u32, flswctl: u32, flswdata: u32, flswcnt: u32, flop: u32, ert: u32, fcrtl: u32,
        fcrth: u32, psrctl: u32, rdbal: u32, rdbah: u32, rdlen: u32, rdh: u32, rdt: u32, rdtr: u32, radv: u32,
        rsrpd: u32, txdmac: u32, tdbal: u32, tdbah: u32, tdlen: u32, tdh: u32, tdt: u32, tidv: u32, txdctl: u32,
        tadv: u32, tspmt: u32, crcerrs: u32, algnerrc: u32, symerrs: u32, rxerrc: u32,
    } and {
        #[serde(with = "serde_big_array::BigArray")]
        #[default([0; 8192])]
        table: [u32; 8192],
        #[serde(with = "serde_big_array::BigArray")]
        #[default([0; 64])]
        eeprom: [u16; 64],
        #[vmstate(buffer)]
        #[serde(with = "serde_bytes")]
        #[default([0; 65536])]
        packet: [u8; 65536],
    }

    #[vmstate(name = "virtio queue")]
    Queue {
        size: u16, vector: u16, desc: u64, avail: u64, used: u64, last_avail: u16, signalled: u16, in_use: u32,
    } and {}

    #[vmstate(name = "virtio")]
    Virtio { status: u8, isr: u8, queue_sel: u16, features: u64, generation: u32, config_len: u32, nqueues: u16, nbits: u32 } and {
        #[vmstate(len = nqueues, max = 1024)]
        queues: Vec<Queue>,
        #[vmstate(bitmap(bits = nbits, max = 4096))]
        pending: Vec<u64>,
    }

    #[vmstate(name = "cpu")]
    Cpu {
        pc: u64, flags: u64, fault_address: u64, entry: u64, tls: u64, cycles: u64, instructions: u64, compare: u64,
        cr0: u32, cr2: u64, cr3: u64, cr4: u32, dr6: u32, dr7: u32, efer: u64, star: u64, lstar: u64, cstar: u64,
        fmask: u64, kernel_base: u64, apic_base: u64, misc_enable: u32, pat: u64, xcr0: u64, fp_control: u16,
        fp_status: u16, fp_tags: u8, mxcsr: u32, mode: u8, halted: u8, pending_exception: i32, error_code: u16,
        a20_mask: i32, smbase: u32, interrupt_level: u8, nmi_masked: u8, exit_reason: u16, sysenter_cs: u32,
        sysenter_esp: u64, sysenter_eip: u64,
    } and {
        gpr: [u64; 32],
        vectors: [[u64; 2]; 32],
    }
}
