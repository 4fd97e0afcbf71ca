// Versions of the struct around it, and a part whose versions it maps.
#[vmstate(versions = parent)]
struct Nested {
    #[vmstate(since = 3)]
    added: u8,
    #[vmstate(versioned(was(..=2 => 1, ..=4 => 2)))]
    part: Part,
}
