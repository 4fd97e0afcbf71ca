use vmstate::VmState;

#[derive(VmState)]
struct Window {
    start: u32,
    #[vmstate(tmp = Size)]
    end: u32,
}

struct Size {
    size: u32,
}

fn main() {}

// Fix:
// -struct Size {
// +#[derive(VmState)]
// +struct Size {
//
// -fn main() {}
// +impl vmstate::Temporary<Window> for Size {
// +    fn from_parent(window: &Window) -> Self {
// +        Self { size: window.end - window.start }
// +    }
// +
// +    fn apply(self, window: &mut Window) -> Result<(), vmstate::LoadError> {
// +        window.end = window.start + self.size;
// +        Ok(())
// +    }
// +}
// +
// +fn main() {}
