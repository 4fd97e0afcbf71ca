use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(pre_save = Self::count)]
struct Fifo {
    count: u8,
}

impl Fifo {
    fn count(&mut self) {
        self.count = 1;
    }
}

#[derive(VmState)]
struct Uart {
    #[vmstate(option)]
    fifo: Option<Fifo>,
}

impl Default for Fifo {
    fn default() -> Self {
        Self { count: 0 }
    }
}

fn main() {
    Uart { fifo: None }.save_shared(&mut Writer::new()).unwrap();
}

// Fix:
// -    Uart { fifo: None }.save_shared(&mut Writer::new()).unwrap();
// +    Uart { fifo: None }.save(&mut Writer::new()).unwrap();
