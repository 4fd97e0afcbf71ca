// Runs around a struct, whose size the macro does not know.
#[vmstate(name = "outer", version = 3, minimum_version = 2)]
struct Outer {
    a: u8,
    inner: Inner,
    more: [Inner; 2],
    b: u32,
    c: u32,
}
