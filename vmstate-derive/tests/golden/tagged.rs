// An enum whose variants have fields.
#[vmstate(repr = u8)]
enum Tagged {
    Empty,
    Tuple(u8, Part),
    Struct {
        count: u8,
        #[vmstate(len = count, max = 4)]
        items: Vec<u16>,
        #[vmstate(skip = "local", reset = 5)]
        local: u8,
    },
}
