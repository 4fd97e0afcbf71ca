//! Hooks that involve several devices.

use std::fmt::Display;

/// A function that runs after each load.
pub trait AfterLoadHook {
    /// Runs the function and returns its error as text.
    fn run(&mut self) -> Result<(), String>;
}

impl<F: FnMut() -> Result<(), E>, E: Display> AfterLoadHook for F {
    fn run(&mut self) -> Result<(), String> {
        self().map_err(|error| error.to_string())
    }
}
