#[vmstate(crate = renamed::vmstate)]
struct Tuple(u8, #[vmstate(name = "second", timer)] Option<u64>, #[vmstate(skip = "not needed")] String);
