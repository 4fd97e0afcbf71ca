// An enum whose variant does not change.
#[repr(u16)]
#[vmstate(variant(fixed))]
enum Fixed {
    Empty = 3,
    Full(Part),
}
