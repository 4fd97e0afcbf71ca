//! A real machine: an Arduino Uno.

use vmstate_examples::uno::Uno;

use super::{Target, seeds};

/// The target.
pub const TARGET: Target = Target { name: "uno", run, seeds: seeds::uno, fixed: 1 << 20, per_byte: 256 };

fn run(bytes: &[u8]) {
    match Uno::load(bytes) {
        Ok((mut uno, release)) => {
            let saved = uno.save(release).expect("a loaded machine can be saved");
            let (mut again, _) =
                Uno::load(&saved).unwrap_or_else(|error| panic!("the saved stream does not load: {error}"));
            assert_eq!(again.save(release).expect("a loaded machine can be saved"), saved);
            assert_eq!(again, uno);
        }
        Err(error) => {
            assert!(error.offset().is_none_or(|offset| offset <= bytes.len() as u64), "{error}");
            assert!(!error.to_string().is_empty());
        }
    }
}
