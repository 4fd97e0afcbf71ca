use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(version = 3, minimum_version = 2, load_old(min = 2, with = load))]
struct Needless {
    field: u8,
}

#[derive(VmState)]
#[vmstate(version = 3, minimum_version = 2, load_old(min = 1))]
struct WithoutFunction {
    field: u8,
}

#[derive(VmState)]
#[vmstate(version = 3, minimum_version = 2, load_old(min = 1, with = Self::load_old))]
struct Wrong {
    field: u8,
}

impl Wrong {
    fn load_old(&mut self, _: u32) {}
}

fn main() {}

// Fix:
// -#[vmstate(version = 3, minimum_version = 2, load_old(min = 2, with = load))]
// +#[vmstate(version = 3, minimum_version = 2, load_old(min = 1, with = Self::load))]
//
// -#[vmstate(version = 3, minimum_version = 2, load_old(min = 1))]
// +#[vmstate(version = 3, minimum_version = 2, load_old(min = 1, with = Self::load))]
//
// -    fn load_old(&mut self, _: u32) {}
// +    fn load_old(&mut self, _: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
// +        Ok(())
// +    }
// +}
// +
// +impl Needless {
// +    fn load(&mut self, _: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
// +        Ok(())
// +    }
// +}
// +
// +impl WithoutFunction {
// +    fn load(&mut self, _: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
// +        Ok(())
// +    }
