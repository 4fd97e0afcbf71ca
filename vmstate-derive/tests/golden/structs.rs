struct Structs {
    #[vmstate(versioned = 2)]
    old: Inner,
    #[vmstate(versioned = 3)]
    older: [Inner; 2],
    #[vmstate(tmp = Diff)]
    diff: u64,
    #[vmstate(opaque = "virtio")]
    virtio: Inner,
    #[vmstate(with = Each<Mirror>)]
    mirrored: [other::Foreign; 2],
    #[vmstate(bits = u32)]
    flags: Flags,
    #[vmstate(bits = u8)]
    sets: [[Flags; 2]; 3],
    #[vmstate(wire = u32)]
    size: usize,
}
