struct Parts {
    #[vmstate(range = 2..6)]
    numbers: [u32; 8],
    #[vmstate(range = FIRST.., with = MyInfo)]
    infos: Box<[Flags; 4]>,
    #[vmstate(buffer, range = ..4)]
    bytes: [u8; 8],
}
