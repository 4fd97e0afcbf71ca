// Structs whose fields are fields of the parent.
#[vmstate(name = "dev", version = 2)]
struct Device {
    #[vmstate(inline)]
    a: Part,
    #[vmstate(inline, name = "b.part", since = 2, default)]
    b: Part,
}
