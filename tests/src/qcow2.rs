//! Disk images in the format qcow2.

/// Returns an empty image of a disk of `size` bytes, with clusters of `1 << cluster_bits` bytes (version 3 of
/// `docs/interop/qcow2.txt` of QEMU).
///
/// # Panics
/// If the disk needs more than one cluster for its L1 table.
#[must_use]
pub fn image(cluster_bits: u32, size: u64) -> Vec<u8> {
    let cluster = 1_u64 << cluster_bits;
    let l1_entries = size.div_ceil(cluster * (cluster / 8)).max(1);
    assert!(l1_entries * 8 <= cluster, "a large disk");
    // The header, the refcount table, a refcount block, and the L1 table.
    let mut bytes = vec![0; usize::try_from(4 * cluster).expect("a small image")];
    let mut put = |at: u64, value: &[u8]| {
        let at = usize::try_from(at).expect("an offset in the image");
        bytes[at..at + value.len()].copy_from_slice(value);
    };
    put(0, b"QFI\xfb\0\0\0\x03");
    put(20, &cluster_bits.to_be_bytes());
    put(24, &size.to_be_bytes());
    put(36, &u32::try_from(l1_entries).expect("a small table").to_be_bytes());
    put(40, &(3 * cluster).to_be_bytes());
    put(48, &cluster.to_be_bytes());
    put(56, &1_u32.to_be_bytes());
    put(96, &4_u32.to_be_bytes());
    put(100, &104_u32.to_be_bytes());
    put(cluster, &(2 * cluster).to_be_bytes());
    (0..4).for_each(|used| put(2 * cluster + 2 * used, &1_u16.to_be_bytes()));
    bytes
}
