// All hooks, and a section that may be absent.
#[vmstate(
    name = "hooks",
    priority = Iommu,
    unmigratable,
    early_setup,
    needed = Self::needed,
    pre_save = Self::pre_save,
    post_save = crate::post_save,
    pre_load = Self::pre_load,
    post_load = Self::post_load
)]
struct Hooks {
    a: u8,
}
