//! The state common to virtio devices, and three of them: QEMU's sections "virtio-blk", "virtio-net" and "virtio-rng".
//!
//! QEMU describes such a section as one opaque value with the info `virtio` and writes it by hand (`virtio_save` in
//! hw/virtio/virtio.c): the transport, the registers, the queues, the device's part, and the subsections of
//! `vmstate_virtio`. Here all of that is structs, which `opaque` turns into one value.

use vmstate::Wire;
use vmstate::prelude::*;

use super::msix::MsixState;
use super::pci::PciDevice;
use super::zeros;

/// The maximum number of queues.
const MAX_QUEUES: usize = 1024;

/// A block device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio-blk", version = 2, minimum_version = 2)]
pub struct VirtioBlk<T: Transport> {
    /// The complete device.
    #[vmstate(opaque = "virtio")]
    pub virtio: Virtio<T, Requests>,
}

/// A network card.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio-net", version = 11, minimum_version = 11)]
pub struct VirtioNet<T: Transport> {
    /// The complete device.
    #[vmstate(opaque = "virtio")]
    pub virtio: Virtio<T, Network>,
}

/// A random number generator.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio-rng", version = 1)]
pub struct VirtioRng<T: Transport> {
    /// The complete device.
    #[vmstate(opaque = "virtio")]
    pub virtio: Virtio<T, Nothing>,
}

/// A transport of virtio.
pub trait Transport: VmState + Wire + Default + Clone {
    /// The transport's part of a queue.
    type Queue: VmState + Wire + Default + Clone + std::fmt::Debug + PartialEq + Eq;
    /// True if the transport has a subsection.
    const HAS_EXTRA_STATE: bool;

    /// Returns whether the device supports virtio 1.
    fn is_modern(&self) -> bool;
}

/// The registers and queues of a device, with the fields `D` of its type.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "virtio")]
pub struct Virtio<T: Transport, D: VmState + Wire> {
    /// The transport's registers.
    pub transport: T,
    /// The device status.
    pub status: u8,
    /// The interrupt status.
    pub isr: u8,
    /// The selected queue.
    pub queue_sel: u16,
    /// The driver's features, low half.
    #[vmstate(must_exist("the queue is one", |device| usize::from(device.queue_sel) < MAX_QUEUES))]
    pub guest_features: u32,
    /// The size of the configuration.
    pub config_len: u32,
    /// The configuration space.
    #[vmstate(buffer(len = config_len, max = 4096))]
    pub config: Vec<u8>,
    /// The number of queues.
    pub queue_count: u32,
    /// The queues.
    #[vmstate(len = queue_count, max = MAX_QUEUES)]
    pub queues: Vec<T::Queue>,
    /// The fields of the device type.
    pub device: D,
    /// The driver's features.
    #[vmstate(name = "guest_features", subsection("virtio/64bit_features"))]
    pub all_guest_features: Option<u64>,
    /// The ring addresses of virtio 1 queues.
    #[vmstate(name = "vq", subsection("virtio/virtqueues", needed = |device| device.transport.is_modern()))]
    pub rings: Box<[Rings; MAX_QUEUES]>,
    /// True if the device is broken.
    #[vmstate(subsection("virtio/broken", needed = |device| device.broken))]
    pub broken: bool,
    /// The registers of the virtio 1 transport.
    #[vmstate(opaque = "virtqueue_extra_state", subsection("virtio/extra_state", needed = |_| T::HAS_EXTRA_STATE))]
    pub extra_state: VirtioPci,
    /// True if the device has started.
    #[vmstate(subsection("virtio/started", needed = |device| device.started))]
    pub started: bool,
    /// The positions of packed queues.
    #[vmstate(subsection)]
    pub packed: Option<PackedQueues>,
    /// True if the device is disabled.
    #[vmstate(subsection("virtio/disabled", needed = |device| device.disabled))]
    pub disabled: bool,
}

/// The ring addresses of a queue.
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

/// The positions of packed queues.
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

/// The position of a packed queue.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "packed_virtqueue_state")]
pub struct PackedQueue {
    /// The next available descriptor.
    pub last_avail_idx: u16,
    /// The wrap counter of available descriptors.
    pub last_avail_wrap_counter: bool,
    /// The next used descriptor.
    pub used_idx: u16,
    /// The wrap counter of used descriptors.
    pub used_wrap_counter: bool,
    /// The number of descriptors in use.
    pub inuse: u32,
}

/// A memory-mapped device with the legacy layout.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio_mmio")]
pub struct Mmio {
    /// The selected half of the device's features.
    pub host_features_sel: u32,
    /// The selected half of the driver's features.
    pub guest_features_sel: u32,
    /// The page size as a shift.
    pub guest_page_shift: u32,
}

/// A queue of a memory-mapped device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio_mmio_queue")]
pub struct MmioQueue {
    /// The number of descriptors.
    pub num: u32,
    /// The alignment of the rings.
    pub align: u32,
    /// The address of the descriptor table.
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
    /// The PCI device.
    pub pci: PciDevice,
    /// The MSI-X state.
    pub msix: MsixState,
    /// The vector for configuration changes.
    pub config_vector: u16,
    /// True if the device supports virtio 1.
    #[vmstate(skip = "a property of the device")]
    pub modern: bool,
}

impl<const EXPRESS: bool> Pci<EXPRESS> {
    /// Creates a device with this number of vectors.
    #[must_use]
    pub fn with_vectors(vectors: u16) -> Self {
        let pci = if EXPRESS { PciDevice::express() } else { PciDevice::default() };
        Self { pci, msix: MsixState::new(vectors), config_vector: u16::MAX, modern: true }
    }
}

impl<const EXPRESS: bool> Default for Pci<EXPRESS> {
    /// Creates a device with a vector for its queue and one for configuration changes.
    fn default() -> Self {
        Self::with_vectors(2)
    }
}

/// A queue of a PCI device.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio_pci_queue")]
pub struct PciQueue {
    /// The number of descriptors.
    pub num: u32,
    /// The address of the descriptor table.
    pub desc: u64,
    /// The next entry of the available ring.
    pub last_avail_idx: u16,
    /// The interrupt vector.
    pub vector: u16,
}

impl<const EXPRESS: bool> Transport for Pci<EXPRESS> {
    type Queue = PciQueue;
    const HAS_EXTRA_STATE: bool = true;

    fn is_modern(&self) -> bool {
        self.modern
    }
}

/// The fields of the PCI transport: QEMU's `vmstate_virtio_pci`, which has only a subsection.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio_pci")]
pub struct VirtioPci {
    /// The registers of virtio 1.
    #[vmstate(subsection)]
    pub modern: Option<ModernState>,
}

/// The registers of virtio 1.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "virtio_pci/modern_state")]
pub struct ModernState {
    /// The selected half of the device's features.
    pub dfselect: u32,
    /// The selected half of the driver's features.
    pub gfselect: u32,
    /// The driver's features.
    pub guest_features: [u32; 2],
    /// The queues.
    pub vqs: Box<[ModernQueue; MAX_QUEUES]>,
}

impl Default for ModernState {
    fn default() -> Self {
        Self { dfselect: 0, gfselect: 0, guest_features: [0; 2], vqs: zeros() }
    }
}

/// A queue of virtio 1.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "virtio_pci/modern_queue_state")]
pub struct ModernQueue {
    /// The number of descriptors.
    pub num: u16,
    /// True if the queue is enabled.
    #[vmstate(unused(before = 1))]
    pub enabled: bool,
    /// The address of the descriptor table, low half first.
    pub desc: [u32; 2],
    /// The address of the available ring.
    pub avail: [u32; 2],
    /// The address of the used ring.
    pub used: [u32; 2],
}

/// A device without additional fields.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "nothing")]
pub struct Nothing {}

/// The failed requests of a block device, to be retried. Empty unless an error occurred.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "requests", post_load = Self::check)]
pub struct Requests {
    /// The marker, 0 after the last request.
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

/// The maximum number of MAC filter entries.
const MAX_MACS: usize = 64;

/// The fields of a network card with one pair of queues: QEMU's `vmstate_virtio_net_device` (`hw/net/virtio-net.c`).
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "virtio-net-device", version = 11, minimum_version = 11)]
pub struct Network {
    /// The MAC address.
    pub mac: [u8; 6],
    /// True if a transmission is pending.
    #[vmstate(name = "vqs")]
    pub tx_waiting: u32,
    /// True if receive buffers can be merged.
    pub mergeable_rx_bufs: u32,
    /// The link status.
    pub status: u16,
    /// Promiscuous mode.
    pub promisc: u8,
    /// All-multicast mode.
    pub allmulti: u8,
    /// The number of entries in the MAC filter.
    #[vmstate(name = "mac_table.in_use")]
    pub macs_in_use: u32,
    /// The MAC filter.
    #[vmstate(name = "mac_table.macs", buffer(len = macs_in_use, multiply = 6, max = MAX_MACS * 6))]
    pub macs: Vec<u8>,
    /// The VLAN filter, one bit each.
    #[vmstate(buffer)]
    pub vlans: [u8; 512],
    /// True if the backend adds vnet headers.
    pub has_vnet_hdr: u32,
    /// True if the multicast filter overflowed.
    #[vmstate(name = "mac_table.multi_overflow")]
    pub multi_overflow: u8,
    /// True if the unicast filter overflowed.
    #[vmstate(name = "mac_table.uni_overflow")]
    pub uni_overflow: u8,
    /// All-unicast mode.
    pub alluni: u8,
    /// No-multicast mode.
    pub nomulti: u8,
    /// No-unicast mode.
    pub nouni: u8,
    /// No-broadcast mode.
    pub nobcast: u8,
    /// True if the backend supports UFO.
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
