use vmstate::{Info, prelude::*};

#[derive(VmState)]
struct Device {
    #[vmstate(with = Nibbles)]
    values: [u8; 2],
}

struct Nibbles;

impl Info<u8> for Nibbles {
    const NAME: &'static str = "nibbles";

    fn put(value: &u8, to: &mut Writer) -> Result<(), SaveError> {
        to.u8(*value);
        Ok(())
    }

    fn get(value: &mut u8, from: &mut Reader<'_>) -> Result<(), LoadError> {
        *value = from.u8()?;
        Ok(())
    }
}

fn main() {}

// Fix:
// -    #[vmstate(with = Nibbles)]
// +    #[vmstate(with = vmstate::info::array::Each<Nibbles>)]
