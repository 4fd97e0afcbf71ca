#[repr(u8)]
enum Mode {
    Off = 1,
    r#On,
}
