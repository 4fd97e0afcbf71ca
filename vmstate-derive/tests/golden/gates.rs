// Versions, predicates, defaults.
#[vmstate(name = "gates", version = 4)]
struct Gates {
    a: u8,
    #[vmstate(since = 2)]
    b: u8,
    #[vmstate(since = 2)]
    c: u16,
    #[vmstate(since = 2, until = 3, default)]
    d: u32,
    #[vmstate(when = Self::has_e, default = seven, unused(before = 4))]
    e: u8,
    #[vmstate(skip = "computed", reset = nothing)]
    f: Cache,
}
