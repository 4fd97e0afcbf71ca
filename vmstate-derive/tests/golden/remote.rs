#[vmstate(remote = other::Foreign<u8>, name = "foreign", version = 2)]
struct Mirror {
    value: u8,
    #[vmstate(since = 2)]
    more: [u16; 2],
}
