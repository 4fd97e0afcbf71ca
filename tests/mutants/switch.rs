
/// Selects a mutant, or records the reached ones. `tests/mutants` appends this module to the copies of the crates.
#[doc(hidden)]
pub mod mutant {
    extern crate std;

    use std::io::Write;
    use std::string::String;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, Ordering};

    static SELECTED: OnceLock<u32> = OnceLock::new();
    static REACHED: [AtomicBool; 8192] = [const { AtomicBool::new(false) }; 8192];

    /// Returns whether the mutant is selected.
    #[inline]
    pub fn is(number: u32) -> bool {
        let selected = *SELECTED.get_or_init(selected);
        if selected == u32::MAX {
            record(number);
        }
        selected == number
    }

    fn selected() -> u32 {
        std::env::var("VMSTATE_MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(u32::MAX)
    }

    /// Appends the number to a file, because tests may end in any way.
    #[cold]
    fn record(number: u32) {
        if REACHED[number as usize].swap(true, Ordering::Relaxed) {
            return;
        }
        let Ok(path) = std::env::var("VMSTATE_REACHED") else { return };
        if let Ok(mut file) = std::fs::File::options().append(true).create(true).open(path) {
            let line: String = std::format!("{number}\n");
            let _ = file.write_all(line.as_bytes());
        }
    }
}
