// Parameters of each kind.
#[vmstate(crate = renamed)]
struct Generic<'a, T: Wire, const N: usize>
where
    T: Copy,
{
    values: [T; N],
    words: [u16; N],
    #[vmstate(skip = "borrowed")]
    name: &'a str,
}
