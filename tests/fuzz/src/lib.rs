//! Shared code of the fuzzers.

#[path = "../../tests/bounds/allocator.rs"]
#[allow(dead_code)] // it counts more than is asked here
mod allocator;

use allocator::Since;
use vmstate_tests::fuzz::Target;

#[doc(hidden)]
pub use {libfuzzer_sys, vmstate_tests};

/// Makes the fuzzer of a target.
#[macro_export]
macro_rules! fuzz {
    ($target:ident) => {
        $crate::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::run(
            &$crate::vmstate_tests::fuzz::$target::TARGET,
            bytes
        ));
    };
}

/// Runs a target and checks its memory.
pub fn run(target: &Target, bytes: &[u8]) {
    let since = Since::now();
    (target.run)(bytes);
    let (peak, bound) = (since.peak(), target.bound(bytes.len()));
    assert!(peak <= bound, "{} bytes were held at once for {}, and at most {bound} may be", peak, bytes.len());
}
