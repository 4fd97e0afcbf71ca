#[vmstate(
    name = "dev",
    version = 4,
    minimum_version = 3,
    must_exist("fits", Self::fits),
    load_old(min = 1, with = Self::load_old),
    removed("level": u32, until = 3, with = |dev, level| dev.level = level.into(), from = Self::old_level)
)]
struct Older {
    #[vmstate(removed("gone": [u8; 2], until = 3))]
    first: u8,
    #[vmstate(must_exist("first is small", |dev| dev.first < 4))]
    second: u8,
    #[vmstate(since = 4, default = u16::MAX)]
    level: u16,
    #[vmstate(subsection("dev/extra", always, version = 2, was(..=3 => 1)), must_exist("fits", Self::fits))]
    extra: u8,
}
