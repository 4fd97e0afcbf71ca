// One run, and a value of fixed size.
struct Plain {
    a: u8,
    b: [[u16; 2]; 3],
    c: bool,
}
