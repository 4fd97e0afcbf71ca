// Subsections of all kinds.
#[vmstate(
    name = "dev",
    subsection("dev/group", version = 2, needed = Self::has_group, absent = default, pre_save = Self::pre,
        post_save = Self::post, post_load = Self::loaded)
)]
struct Device {
    #[vmstate(in = "dev/group")]
    a: u8,
    #[vmstate(in = "dev/group", since = 2)]
    b: u8,
    #[vmstate(subsection("dev/single", needed = Self::has_single))]
    c: u32,
    #[vmstate(subsection("dev/option"))]
    d: Option<Part>,
    #[vmstate(subsection)]
    e: Whole,
    #[vmstate(subsection(needed = Self::has_whole, absent = error))]
    f: Option<Whole>,
}
