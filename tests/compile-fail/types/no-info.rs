use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(with = Nibbles)]
    value: u8,
}

struct Nibbles;

fn main() {}

// Fix:
// -fn main() {}
// +impl vmstate::Info<u8> for Nibbles {
// +    const NAME: &'static str = "nibbles";
// +
// +    fn put(value: &u8, to: &mut vmstate::Writer) -> Result<(), vmstate::SaveError> {
// +        to.u8(*value);
// +        Ok(())
// +    }
// +
// +    fn get(value: &mut u8, from: &mut vmstate::Reader<'_>) -> Result<(), vmstate::LoadError> {
// +        *value = from.u8()?;
// +        Ok(())
// +    }
// +}
// +
// +fn main() {}
