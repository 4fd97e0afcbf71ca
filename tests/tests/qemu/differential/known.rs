//! Known differences between QEMU and vmstate, with their reasons.

use std::fmt;

/// Something that differs.
#[derive(Debug)]
pub(super) enum Finding {
    /// Only QEMU rejects the stream, with this message.
    OnlyQemuRefuses(String),
    /// Only vmstate rejects the stream, with this error.
    OnlyWeRefuse(String),
    /// QEMU dies of the stream, with these words.
    QemuDies(String),
    /// QEMU neither loads nor rejects the stream, and vmstate rejects it with this error.
    QemuHangs(String),
    /// QEMU rejects its own stream with this message, and so does vmstate.
    QemuRefusesItsOwn(String),
    /// Both load the stream, and save something else.
    Differs {
        /// The section and the field.
        place: String,
        values: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyQemuRefuses(words) => write!(f, "only QEMU rejects it: {words}"),
            Self::OnlyWeRefuse(error) => write!(f, "only vmstate rejects it: {error}"),
            Self::QemuDies(words) => write!(f, "QEMU dies: {words}"),
            Self::QemuHangs(error) => write!(f, "QEMU hangs, and vmstate reports {error}"),
            Self::QemuRefusesItsOwn(words) => write!(f, "QEMU rejects its own stream: {words}"),
            Self::Differs { place, values } => write!(f, "{place}: {values}"),
        }
    }
}

/// Why something differs, if that is known.
pub(super) fn why(finding: &Finding) -> Option<&'static str> {
    KNOWN.iter().find(|(what, _)| what.fits(finding)).map(|(_, why)| *why)
}

/// A pattern of known findings.
enum Known {
    /// QEMU's words have these among them.
    OnlyQemuRefuses(&'static str),
    /// Our error has these words among it.
    OnlyWeRefuse(&'static str),
    /// QEMU's last words have these among them.
    QemuDies(&'static str),
    /// Our error has these words among it.
    QemuHangs(&'static str),
    /// QEMU's words about its own stream have these among them.
    QemuRefusesItsOwn(&'static str),
    /// The end of a section's name, and the beginning of a field's path.
    Differs(&'static str, &'static str),
    /// A block of memory.
    Block(&'static str),
}

impl Known {
    fn fits(&self, finding: &Finding) -> bool {
        match (self, finding) {
            (Self::OnlyQemuRefuses(some), Finding::OnlyQemuRefuses(words))
            | (Self::OnlyWeRefuse(some), Finding::OnlyWeRefuse(words))
            | (Self::QemuDies(some), Finding::QemuDies(words))
            | (Self::QemuHangs(some), Finding::QemuHangs(words))
            | (Self::QemuRefusesItsOwn(some), Finding::QemuRefusesItsOwn(words)) => words.contains(some),
            (Self::Differs(section, path), Finding::Differs { place, .. }) => {
                place.split_once(": ").is_some_and(|(name, field)| name.ends_with(section) && field.starts_with(path))
            }
            (Self::Block(block), Finding::Differs { place, .. }) => *place == format!("the memory {block:?}"),
            _ => false,
        }
    }
}

/// All differences concern single devices. QEMU's hooks correct the loaded state, with guest memory or other devices;
/// our structs keep the state of the stream.
const KNOWN: &[(Known, &str)] = &[
    (Known::OnlyQemuRefuses("Found a zero page with value"), "10.0 knows pages of equal bytes only if they are zeros"),
    (Known::OnlyQemuRefuses("invalid parameter value"), "QEMU rejects unknown run states; ours is any text"),
    (Known::OnlyQemuRefuses("Failed to load ich9_ahci:ahci"), "QEMU rejects an invalid halted command"),
    (
        Known::OnlyQemuRefuses("post load hook failed for: ahci,"),
        "QEMU 11.1 rejects an invalid halted command in these words",
    ),
    (
        Known::OnlyQemuRefuses("cpu/envcfg: incoming version_id 2 is too new"),
        "our struct also loads the version of QEMU 11.1, which has the same fields",
    ),
    (
        Known::OnlyQemuRefuses("cpu/envcfg: incoming version_id 1 is too old"),
        "our struct also loads the version of older releases, which QEMU 11.1 rejects",
    ),
    (
        Known::OnlyQemuRefuses("unsupported version 2 for 'riscv_mtimer'"),
        "our struct also loads the versions up to QEMU 11.1's; this one has the same fields",
    ),
    (Known::OnlyQemuRefuses("inconsistent with Host index"), RINGS),
    (Known::OnlyQemuRefuses("exceeds allocated max"), "QEMU rejects a ring larger than its device's"),
    (Known::OnlyQemuRefuses("requires vnet_hdr=on"), "QEMU rejects features that its network lacks"),
    (Known::OnlyQemuRefuses("of device 'kvm-tpr-opt'"), "QEMU looks for its ROM in the memory, which is all zero here"),
    (Known::OnlyQemuRefuses(" unsupported. Allowed features: "), "QEMU rejects features that its device lacks"),
    (Known::OnlyWeRefuse("a name in UTF-8"), C_STRING),
    (Known::OnlyWeRefuse("the name of a listed block, found \"pc.ram\\0"), C_STRING),
    (Known::OnlyWeRefuse("the name of a listed block, found \"virt.flash0\\0"), C_STRING),
    (Known::QemuDies("memory_region_add_subregion_common"), "QEMU ends itself over a second section of ICH9"),
    (Known::QemuDies("failed to allocate"), "QEMU ends itself over a configuration of an impossible length"),
    (Known::QemuDies("fw_cfg_modify_bytes_read"), "QEMU ends itself over a ROM of an impossible size"),
    (Known::QemuDies("qemu_ram_resize"), "QEMU ends itself over a ROM of an impossible size"),
    (Known::QemuDies("virtio_net_change_num_queue"), "QEMU ends itself over too few queues"),
    // `virtio_load` in `hw/virtio/virtio.c` skips bytes one by one, and each one after the end takes a system call.
    (Known::QemuHangs("config"), "QEMU skips a configuration of up to 4 GiB that the stream does not contain"),
    (Known::QemuDies("qemu_get_virtqueue_element"), "QEMU ends itself over a request of too many pieces"),
    (
        Known::QemuRefusesItsOwn("of device 'ram'"),
        "QEMU resizes a ROM to the size in `fw_cfg`; the last ROM, of size 0, is after the end of the list",
    ),
    (Known::Differs("mc146818rtc", ""), CLOCK),
    (Known::Differs("goldfish_rtc", ""), CLOCK),
    (Known::Differs("hpet", "hpet_counter"), CLOCK),
    (Known::Differs("riscv_sifive_plic", "pending"), LINES),
    (Known::Differs("globalstate", ""), "QEMU saves its current run state instead of the loaded one"),
    (
        Known::Differs("cpu_common", "interrupt_request"),
        "QEMU clears a bit that old releases set; lines of devices set others",
    ),
    (Known::Differs("i8259", ""), LINES),
    // QEMU: `ioapic_service` in `hw/intc/ioapic.c`, and `apic_set_irq` in `hw/intc/apic.c`.
    (Known::Differs("apic", "irr"), "QEMU sends the interrupt of an unmasked line that a timer raises again"),
    (Known::Differs("PCIBUS", "irq_count"), LINES),
    (Known::Differs("/PIIX3", "pci_irq_levels"), LINES),
    (Known::Differs("riscv_mtimer", "timers"), DEADLINE),
    (Known::Differs("cpu", "env.stimer"), DEADLINE),
    (Known::Differs("cpu", "env.vstimer"), DEADLINE),
    (Known::Differs("/uhci", "frame_timer"), DEADLINE),
    (Known::Differs("hpet", "timer["), DEADLINE),
    (Known::Differs("/mch", "parent_obj.config"), "QEMU clears bits of SMRAM's registers that a lock excludes"),
    (
        Known::Differs("/xhci", "xhci.usbsts"),
        "QEMU reports an error of a controller whose rings are missing in the memory",
    ),
    (Known::Differs("/ide", "bmdma[0].migration_retry"), "QEMU takes it only after an operation that failed"),
    (Known::Differs("/ide", "bmdma[1].migration_retry"), "QEMU takes it only after an operation that failed"),
    (Known::Differs("/ide", "bus[0].ifs[0].ide_drive/pio_state"), TRANSFER),
    (Known::Differs("/ide", "bus[0].ifs[1].ide_drive/pio_state"), TRANSFER),
    (Known::Differs("/ide", "bus[1].ifs[0].ide_drive/pio_state"), TRANSFER),
    (Known::Differs("/ide", "bus[1].ifs[1].ide_drive/pio_state"), TRANSFER),
    (Known::Differs("/virtio-blk", "virtio"), RINGS),
    (Known::Differs("/virtio-net", "virtio"), RINGS),
    (Known::Differs("/xhci", "xhci.slots"), "QEMU looks into tables in the memory, which is all zero here"),
    (Known::Differs("ps2kbd", "parent_obj.queue"), "QEMU puts the queue in order"),
    (Known::Differs("ps2mouse", "parent_obj.queue"), "QEMU puts the queue in order"),
    (Known::Differs("pckbd", "kbd."), "QEMU makes some of it of the rest, when it loads and when it saves"),
    (Known::Differs("serial", "state.iir"), "QEMU makes it of the FIFO's register"),
    (Known::Differs("serial", "serial.iir"), "QEMU makes it of the FIFO's register"),
    (Known::Differs("cpu", "cpu/hyper"), EXTENSIONS),
    (Known::Differs("cpu", "cpu/vector"), EXTENSIONS),
    (Known::Differs("cpu", "cpu/pointer_masking"), EXTENSIONS),
    (Known::Differs("cpu", "env.fptag_vmstate"), "QEMU keeps the eight bits that are tags"),
    (Known::Differs("cpu", "env.v_tpr"), "QEMU makes it of the interrupt control of a nested guest"),
    (Known::Differs("i2c_bus", "saved_address"), "QEMU makes it of the devices that are addressed"),
    (Known::Differs("/e1000e", "core.eitr"), TIMERS),
    (Known::Differs("/e1000e", "core.itr.timer"), TIMERS),
    (Known::Differs("/e1000e", "core.rdtr.timer"), TIMERS),
    (Known::Differs("/e1000e", "core.radv.timer"), TIMERS),
    (Known::Differs("/e1000e", "core.raid.timer"), TIMERS),
    (Known::Differs("/e1000e", "core.tidv.timer"), TIMERS),
    (Known::Differs("/e1000e", "core.tadv.timer"), TIMERS),
    (Known::Differs("/e1000e", "core.rx_desc_len"), RECEIVE),
    (Known::Differs("/e1000e", "core.rx_desc_buf_size"), RECEIVE),
    (Known::Differs("/e1000e", "core.rxbuf_sizes"), RECEIVE),
    (Known::Block("/rom@etc/acpi/rsdp"), ROMS),
    (Known::Block("/rom@etc/acpi/tables"), ROMS),
    (Known::Block("/rom@etc/table-loader"), ROMS),
];

const TRANSFER: &str = "QEMU's drives always have a buffer, which they save if the status announces data";
const CLOCK: &str = "the clock goes on with the host's";
const LINES: &str = "the lines of devices set it again";
const ROMS: &str = "QEMU resizes a ROM to the size in `fw_cfg`";
const C_STRING: &str = "QEMU's names are C strings: bytes after a zero byte are ignored";
const EXTENSIONS: &str = "QEMU sends the registers of all extensions in `misa`, our struct the loaded ones";
const DEADLINE: &str = "QEMU takes a deadline before the clock's beginning for that";
const TIMERS: &str = "QEMU starts running timers anew, with the delay from the time of the load";
const RECEIVE: &str = "11.1 derives it from the receive registers";
const RINGS: &str = "QEMU looks into rings in the memory, which is all zero here";
