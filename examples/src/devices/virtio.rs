//! What all virtio devices have in common, and three of them: QEMU's sections "virtio-blk", "virtio-net" and "virtio-rng".
//!
//! QEMU describes such a section as one opaque value, the info `virtio`, and writes it by hand (`virtio_save`): the
//! transport, the registers, the queues, what the device adds, and then the struct `vmstate_virtio`, which is nothing but
//! subsections. All of that can be said as structs, which `opaque` makes one value of.

use vmstate::Wire;
use vmstate::prelude::*;

use super::msix::MsixState;
use super::pci::PciDevice;
use super::zeros;

/// How many queues a device can have.
const MAX_QUEUES: usize = 1024;

/// A disk.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio-blk", version = 2, minimum_version = 2)]
pub struct VirtioBlk<T: Transport> {
    /// All of it.
    #[vmstate(opaque = "virtio")]
    pub virtio: Virtio<T, Requests>,
}

/// A network card.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio-net", version = 11, minimum_version = 11)]
pub struct VirtioNet<T: Transport> {
    /// All of it.
    #[vmstate(opaque = "virtio")]
    pub virtio: Virtio<T, Network>,
}

/// A source of random numbers.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio-rng", version = 1)]
pub struct VirtioRng<T: Transport> {
    /// All of it.
    #[vmstate(opaque = "virtio")]
    pub virtio: Virtio<T, Nothing>,
}

/// How the guest gets at a device.
pub trait Transport: VmState + Wire + Default + Clone {
    /// What it knows about a queue.
    type Queue: VmState + Wire + Default + Clone + std::fmt::Debug + PartialEq + Eq;
    /// Whether it sends more than its registers.
    const HAS_EXTRA_STATE: bool;

    /// Whether guests can use version 1 of virtio.
    fn is_modern(&self) -> bool;
}

/// A device's registers and queues, and what `D` adds to them.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "virtio")]
pub struct Virtio<T: Transport, D: VmState + Wire> {
    /// The transport's registers.
    pub transport: T,
    /// How far the driver is.
    pub status: u8,
    /// What the interrupt is about.
    pub isr: u8,
    /// The queue that the registers are about.
    pub queue_sel: u16,
    /// What the driver understands, the lower half.
    #[vmstate(must_exist("the queue is one", |device| usize::from(device.queue_sel) < MAX_QUEUES))]
    pub guest_features: u32,
    /// How long the configuration is.
    pub config_len: u32,
    /// The device's configuration.
    #[vmstate(buffer(len = config_len, max = 4096))]
    pub config: Vec<u8>,
    /// How many queues there are.
    pub queue_count: u32,
    /// The queues.
    #[vmstate(len = queue_count, max = MAX_QUEUES)]
    pub queues: Vec<T::Queue>,
    /// What kind of device it is.
    pub device: D,
    /// What the driver understands, all of it.
    #[vmstate(name = "guest_features", subsection("virtio/64bit_features"))]
    pub all_guest_features: Option<u64>,
    /// Where the rings of modern queues are.
    #[vmstate(name = "vq", subsection("virtio/virtqueues", needed = |device| device.transport.is_modern()))]
    pub rings: Box<[Rings; MAX_QUEUES]>,
    /// Whether the device has given up.
    #[vmstate(subsection("virtio/broken", needed = |device| device.broken))]
    pub broken: bool,
    /// Registers of the modern transport.
    #[vmstate(opaque = "virtqueue_extra_state", subsection("virtio/extra_state", needed = |_| T::HAS_EXTRA_STATE))]
    pub extra_state: VirtioPci,
    /// Whether the device is in use.
    #[vmstate(subsection("virtio/started", needed = |device| device.started))]
    pub started: bool,
    /// Where packed queues are, if the device can have them.
    #[vmstate(subsection)]
    pub packed: Option<PackedQueues>,
    /// Whether it is switched off.
    #[vmstate(subsection("virtio/disabled", needed = |device| device.disabled))]
    pub disabled: bool,
}

/// Where the two rings of a queue are.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtqueue_state")]
pub struct Rings {
    /// The address of the available ring.
    #[vmstate(name = "vring.avail")]
    pub avail: u64,
    /// The address of the used ring.
    #[vmstate(name = "vring.used")]
    pub used: u64,
}

/// How far packed queues are.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "virtio/packed_virtqueues")]
pub struct PackedQueues {
    /// The queues.
    pub vq: Box<[PackedQueue; MAX_QUEUES]>,
}

impl Default for PackedQueues {
    fn default() -> Self {
        Self { vq: zeros() }
    }
}

/// How far a packed queue is.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "packed_virtqueue_state")]
pub struct PackedQueue {
    /// The next descriptor that the driver makes available.
    pub last_avail_idx: u16,
    /// The mark of such descriptors.
    pub last_avail_wrap_counter: bool,
    /// The next descriptor that the device has used.
    pub used_idx: u16,
    /// The mark of such descriptors.
    pub used_wrap_counter: bool,
    /// How many the device is working on.
    pub inuse: u32,
}

/// A device whose registers are in memory, in the old layout.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio_mmio")]
pub struct Mmio {
    /// Which half of the device's features is read.
    pub host_features_sel: u32,
    /// Which half of the driver's features is written.
    pub guest_features_sel: u32,
    /// The size of a page, as a shift.
    pub guest_page_shift: u32,
}

/// A queue of such a device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio_mmio_queue")]
pub struct MmioQueue {
    /// How many descriptors it has.
    pub num: u32,
    /// How the rings are aligned.
    pub align: u32,
    /// The address of the descriptors.
    pub desc: u64,
    /// The next entry of the available ring.
    pub last_avail_idx: u16,
}

impl Transport for Mmio {
    type Queue = MmioQueue;
    const HAS_EXTRA_STATE: bool = false;

    fn is_modern(&self) -> bool {
        false
    }
}

/// A device on the PCI bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "virtio_pci_config")]
pub struct Pci<const EXPRESS: bool> {
    /// The device on the bus.
    pub pci: PciDevice,
    /// Its interrupts.
    pub msix: MsixState,
    /// The vector of the configuration.
    pub config_vector: u16,
    /// Whether guests can use version 1 of virtio.
    #[vmstate(skip = "a property of the device")]
    pub modern: bool,
}

impl<const EXPRESS: bool> Pci<EXPRESS> {
    /// A device with so many interrupts.
    #[must_use]
    pub fn with_vectors(vectors: u16) -> Self {
        let pci = if EXPRESS { PciDevice::express() } else { PciDevice::default() };
        Self { pci, msix: MsixState::new(vectors), config_vector: u16::MAX, modern: true }
    }
}

impl<const EXPRESS: bool> Default for Pci<EXPRESS> {
    /// A device with one interrupt for its queue and one for its configuration.
    fn default() -> Self {
        Self::with_vectors(2)
    }
}

/// A queue of such a device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio_pci_queue")]
pub struct PciQueue {
    /// How many descriptors it has.
    pub num: u32,
    /// The address of the descriptors.
    pub desc: u64,
    /// The next entry of the available ring.
    pub last_avail_idx: u16,
    /// The vector of its interrupt.
    pub vector: u16,
}

impl<const EXPRESS: bool> Transport for Pci<EXPRESS> {
    type Queue = PciQueue;
    const HAS_EXTRA_STATE: bool = true;

    fn is_modern(&self) -> bool {
        self.modern
    }
}

/// What PCI adds: QEMU's `vmstate_virtio_pci`, which has no fields.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio_pci")]
pub struct VirtioPci {
    /// The registers of modern drivers.
    #[vmstate(subsection)]
    pub modern: Option<ModernState>,
}

/// The registers of modern drivers.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "virtio_pci/modern_state")]
pub struct ModernState {
    /// Which half of the device's features is read.
    pub dfselect: u32,
    /// Which half of the driver's features is written.
    pub gfselect: u32,
    /// What the driver has written.
    pub guest_features: [u32; 2],
    /// The queues.
    pub vqs: Box<[ModernQueue; MAX_QUEUES]>,
}

impl Default for ModernState {
    fn default() -> Self {
        Self { dfselect: 0, gfselect: 0, guest_features: [0; 2], vqs: zeros() }
    }
}

/// A queue, as a modern driver sets it up.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio_pci/modern_queue_state")]
pub struct ModernQueue {
    /// How many descriptors it has.
    pub num: u16,
    /// Whether it is in use.
    #[vmstate(unused(before = 1))]
    pub enabled: bool,
    /// The address of the descriptors, lower half first.
    pub desc: [u32; 2],
    /// The address of the available ring.
    pub avail: [u32; 2],
    /// The address of the used ring.
    pub used: [u32; 2],
}

/// A device that adds nothing.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "nothing")]
pub struct Nothing {}

/// The requests that a disk could not finish. There are none unless there was an error.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "requests", post_load = Self::check)]
pub struct Requests {
    /// 0 after the last one.
    pub more: u8,
}

impl Requests {
    fn check(&mut self) -> Result<(), LoadError> {
        match self.more {
            0 => Ok(()),
            more => Err(LoadError::rejected("no unfinished requests", more)),
        }
    }
}

/// The largest number of addresses that a card looks for.
const MAX_MACS: usize = 64;

/// What a network card adds, with one pair of queues: QEMU's `vmstate_virtio_net_device` (`hw/net/virtio-net.c`).
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "virtio-net-device", version = 11, minimum_version = 11)]
pub struct Network {
    /// Its address.
    pub mac: [u8; 6],
    /// Whether there are packets that could not be sent.
    #[vmstate(name = "vqs")]
    pub tx_waiting: u32,
    /// Whether received packets may be in several buffers.
    pub mergeable_rx_bufs: u32,
    /// Whether there is a link.
    pub status: u16,
    /// Whether all packets are received.
    pub promisc: u8,
    /// Whether all packets to groups are received.
    pub allmulti: u8,
    /// How many addresses there are besides its own.
    #[vmstate(name = "mac_table.in_use")]
    pub macs_in_use: u32,
    /// Those addresses.
    #[vmstate(name = "mac_table.macs", buffer(len = macs_in_use, multiply = 6, max = MAX_MACS * 6))]
    pub macs: Vec<u8>,
    /// A bit for each VLAN: whether its packets are received.
    #[vmstate(buffer)]
    pub vlans: [u8; 512],
    /// Whether the host's side adds headers.
    pub has_vnet_hdr: u32,
    /// Whether there were too many addresses of groups.
    #[vmstate(name = "mac_table.multi_overflow")]
    pub multi_overflow: u8,
    /// Whether there were too many others.
    #[vmstate(name = "mac_table.uni_overflow")]
    pub uni_overflow: u8,
    /// Whether all packets to single receivers are received.
    pub alluni: u8,
    /// Whether none to groups are.
    pub nomulti: u8,
    /// Whether none to single receivers are.
    pub nouni: u8,
    /// Whether none to everybody are.
    pub nobcast: u8,
    /// Whether the host's side cuts UDP packets.
    pub has_ufo: u8,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            mac: [0; 6],
            tx_waiting: 0,
            mergeable_rx_bufs: 0,
            status: 0,
            promisc: 0,
            allmulti: 0,
            macs_in_use: 0,
            macs: Vec::new(),
            vlans: [0; 512],
            has_vnet_hdr: 0,
            multi_overflow: 0,
            uni_overflow: 0,
            alluni: 0,
            nomulti: 0,
            nouni: 0,
            nobcast: 0,
            has_ufo: 0,
        }
    }
}

impl<T: Transport, D: VmState + Wire + Default> Default for Virtio<T, D> {
    fn default() -> Self {
        Self {
            transport: T::default(),
            status: 0,
            isr: 0,
            queue_sel: 0,
            guest_features: 0,
            config_len: 0,
            config: Vec::new(),
            queue_count: 0,
            queues: Vec::new(),
            device: D::default(),
            all_guest_features: None,
            rings: zeros(),
            broken: false,
            extra_state: VirtioPci::default(),
            started: false,
            packed: None,
            disabled: false,
        }
    }
}
