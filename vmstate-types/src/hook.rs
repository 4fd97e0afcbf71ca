//! Calls of a device's functions: hooks around saving and loading, and predicates.
//!
//! A hook can omit parameters and results that it does not need: `fn(&mut T, u32) -> Result<(), E>`, `fn(&mut T)` and
//! `fn(&T)` are all hooks. The marker parameter `Signature` distinguishes the implementations and is always inferred.

use alloc::format;
use core::any::Any;
use core::fmt::Display;

use crate::description::Description;
use crate::error::{LoadError, SaveError};
use crate::wire::Reader;

/// A function that can be a `pre_save`, `post_save`, `pre_load` or `post_load` hook of `T`.
#[diagnostic::on_unimplemented(
    message = "this function is not a hook of `{T}`",
    label = "expected a signature like `fn(&mut {T}, u32) -> Result<(), E>`",
    note = "the version (`u32`) and the result are optional, and `&{T}` is accepted instead of `&mut {T}`",
    note = "`E` is any type that implements `Display`"
)]
pub trait Hook<T: ?Sized, Signature> {
    /// The return type of the function.
    type Outcome: Outcome;

    /// Set if the function takes a shared reference.
    const SHARED: bool;

    /// Calls the function.
    fn call(self, value: &mut T, version: u32) -> Self::Outcome;

    /// Calls the function, if it takes a shared reference.
    fn call_shared(self, value: &T, version: u32) -> Option<Self::Outcome>;
}

impl<T: ?Sized, R: Outcome, F: FnOnce(&mut T, u32) -> R> Hook<T, fn(&mut T, u32) -> R> for F {
    type Outcome = R;
    const SHARED: bool = false;

    #[inline]
    fn call(self, value: &mut T, version: u32) -> R {
        self(value, version)
    }

    #[inline]
    fn call_shared(self, _: &T, _: u32) -> Option<R> {
        None
    }
}

impl<T: ?Sized, R: Outcome, F: FnOnce(&mut T) -> R> Hook<T, fn(&mut T) -> R> for F {
    type Outcome = R;
    const SHARED: bool = false;

    #[inline]
    fn call(self, value: &mut T, _: u32) -> R {
        self(value)
    }

    #[inline]
    fn call_shared(self, _: &T, _: u32) -> Option<R> {
        None
    }
}

impl<T: ?Sized, R: Outcome, F: FnOnce(&T, u32) -> R> Hook<T, fn(&T, u32) -> R> for F {
    type Outcome = R;
    const SHARED: bool = true;

    #[inline]
    fn call(self, value: &mut T, version: u32) -> R {
        self(value, version)
    }

    #[inline]
    fn call_shared(self, value: &T, version: u32) -> Option<R> {
        Some(self(value, version))
    }
}

impl<T: ?Sized, R: Outcome, F: FnOnce(&T) -> R> Hook<T, fn(&T) -> R> for F {
    type Outcome = R;
    const SHARED: bool = true;

    #[inline]
    fn call(self, value: &mut T, _: u32) -> R {
        self(value)
    }

    #[inline]
    fn call_shared(self, value: &T, _: u32) -> Option<R> {
        Some(self(value))
    }
}

/// A function that can be a predicate of `T`: `needed` or `when`.
#[diagnostic::on_unimplemented(
    message = "this function is not a predicate of `{T}`",
    label = "expected a signature like `fn(&{T}, u32) -> bool`",
    note = "the version (`u32`) is optional"
)]
pub trait Predicate<T: ?Sized, Signature> {
    /// Calls the function.
    fn holds(self, value: &T, version: u32) -> bool;
}

impl<T: ?Sized, F: FnOnce(&T) -> bool> Predicate<T, fn(&T) -> bool> for F {
    #[inline]
    fn holds(self, value: &T, _: u32) -> bool {
        self(value)
    }
}

impl<T: ?Sized, F: FnOnce(&T, u32) -> bool> Predicate<T, fn(&T, u32) -> bool> for F {
    #[inline]
    fn holds(self, value: &T, version: u32) -> bool {
        self(value, version)
    }
}

/// A return type of a hook.
#[diagnostic::on_unimplemented(
    message = "a hook cannot return `{Self}`",
    label = "expected `()` or `Result<(), E>`",
    note = "`E` is any type that implements `Display`"
)]
pub trait Outcome {
    /// Converts an error to type `X` with `reject`, unless it already has that type.
    ///
    /// # Errors
    /// Returns an error if the hook failed.
    fn or_reject<X: 'static>(self, reject: impl FnOnce(&dyn Display) -> X) -> Result<(), X>;
}

impl Outcome for () {
    #[inline]
    fn or_reject<X: 'static>(self, _: impl FnOnce(&dyn Display) -> X) -> Result<(), X> {
        Ok(())
    }
}

impl<E: Display + 'static> Outcome for Result<(), E> {
    fn or_reject<X: 'static>(self, reject: impl FnOnce(&dyn Display) -> X) -> Result<(), X> {
        let Err(error) = self else { return Ok(()) };
        // A hook that returns one of our errors keeps its kind and location. The `Option` allows moving the error out
        // of the `dyn Any`, which only provides a reference.
        let mut error = Some(error);
        if let Some(own) = (&mut error as &mut dyn Any).downcast_mut::<Option<X>>().and_then(Option::take) {
            return Err(own);
        }
        error.map_or(Ok(()), |error| Err(reject(&error)))
    }
}

/// Returns whether `predicate` holds for `value` at `version`.
#[inline]
pub fn holds<T: ?Sized, Signature>(value: &T, version: u32, predicate: impl Predicate<T, Signature>) -> bool {
    predicate.holds(value, version)
}

/// A reference to a struct that is saved.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums)]
pub enum Access<'a, T: ?Sized> {
    /// A save through `&mut self`.
    Exclusive(&'a mut T),
    /// A save through `&self`.
    Shared(&'a T),
}

impl<'a, T: ?Sized> From<&'a mut T> for Access<'a, T> {
    fn from(value: &'a mut T) -> Self {
        Self::Exclusive(value)
    }
}

impl<'a, T: ?Sized> From<&'a T> for Access<'a, T> {
    fn from(value: &'a T) -> Self {
        Self::Shared(value)
    }
}

/// A hook `pre_save` or `post_save`.
///
/// Its methods have no bounds, so that a function with a wrong signature is reported once, at [`saving`].
#[derive(Debug)]
pub struct SaveHook<T: ?Sized, H> {
    hook: H,
    is_shared: bool,
    run: fn(H, &str, Access<'_, T>, u32) -> Result<(), SaveError>,
}

/// Returns the hook, after checking its signature.
pub const fn saving<T: ?Sized, Signature, H: Hook<T, Signature>>(hook: H) -> SaveHook<T, H> {
    SaveHook { hook, is_shared: H::SHARED, run: run::<T, Signature, H> }
}

impl<T: ?Sized, H> SaveHook<T, H> {
    /// Returns `reason`, if the hook cannot be called with a shared reference.
    pub const fn exclusive(&self, reason: &'static str) -> Option<&'static str> {
        if self.is_shared { None } else { Some(reason) }
    }

    /// Runs the hook `name`.
    ///
    /// # Errors
    /// Returns the error of the hook, or an error if it needs exclusive access.
    #[inline]
    pub fn run<'a>(self, name: &str, value: impl Into<Access<'a, T>>, version: u32) -> Result<(), SaveError>
    where
        T: 'a,
    {
        (self.run)(self.hook, name, value.into(), version)
    }
}

fn run<T: ?Sized, Signature, H: Hook<T, Signature>>(
    hook: H,
    name: &str,
    value: Access<'_, T>,
    version: u32,
) -> Result<(), SaveError> {
    let outcome = match value {
        Access::Exclusive(value) => Some(hook.call(value, version)),
        Access::Shared(value) => hook.call_shared(value, version),
    };
    let Some(outcome) = outcome else {
        return Err(SaveError::misuse(format!("the hook `{name}` needs `&mut self`: use `save`")));
    };
    outcome.or_reject(|reason| SaveError::rejected(format!("`{name}` failed: {reason}")))
}

/// Runs the hook `pre_load` of the struct or subsection with description `of`.
///
/// # Errors
/// Returns the error of the hook.
pub fn pre_load<T: ?Sized, Signature>(
    value: &mut T,
    version: u32,
    of: &Description,
    hook: impl Hook<T, Signature>,
) -> Result<(), LoadError> {
    hook.call(value, version).or_reject(|reason| {
        let Description { name, minimum_version, .. } = of;
        LoadError::rejected(format!("`pre_load` of `{name}` to allow the load"), reason)
            .with_summary(format!("`pre_load` failed: {reason}"))
            .with_qemu_message(format!(
                "pre load hook failed for: '{name}', version_id: {version}, minimum version_id: {minimum_version}"
            ))
    })
}

/// Runs the hook `post_load` of the struct or subsection with description `of`.
///
/// # Errors
/// Returns the error of the hook.
pub fn post_load<T: ?Sized, Signature>(
    value: &mut T,
    version: u32,
    of: &Description,
    hook: impl Hook<T, Signature>,
) -> Result<(), LoadError> {
    hook.call(value, version).or_reject(|reason| {
        let Description { name, minimum_version, .. } = of;
        LoadError::rejected(format!("`post_load` of `{name}` to accept the state"), reason)
            .with_summary(format!("`post_load` failed: {reason}"))
            .with_qemu_message(format!(
                "post load hook failed for: {name}, version_id: {version}, minimum_version: {minimum_version}, ret: -1"
            ))
    })
}

/// Passes `old`, the value of a removed field, to the device's function `take`.
///
/// # Errors
/// Returns the error of the function.
pub fn removed<T: ?Sized, V, R: Outcome>(
    value: &mut T,
    old: V,
    take: impl FnOnce(&mut T, V) -> R,
) -> Result<(), LoadError> {
    take(value, old).or_reject(|reason| {
        LoadError::rejected("a value of the removed field that the device accepts", reason)
            .with_summary(format!("removed field rejected: {reason}"))
    })
}

/// Calls the device's function `make` for the value that older versions expect in a removed field.
pub fn old<T: ?Sized, V>(value: &T, make: impl FnOnce(&T) -> V) -> V {
    make(value)
}

/// Loads a version below the minimum with the device's function `load`.
///
/// # Errors
/// Returns the error of the function.
pub fn load_old<T: ?Sized, R: Outcome>(
    value: &mut T,
    reader: &mut Reader<'_>,
    version: u32,
    load: impl FnOnce(&mut T, &mut Reader<'_>, u32) -> R,
) -> Result<(), LoadError> {
    let loaded = load(value, reader, version);
    loaded.or_reject(|reason| {
        LoadError::rejected(format!("`load_old` to accept version {version}"), reason)
            .with_summary(format!("`load_old` failed for version {version}: {reason}"))
    })
}

/// Creates the error for a state that must not be saved because the condition `text` does not hold.
///
/// QEMU asserts the condition, which terminates the machine (`vmstate_save_state_v` in `migration/vmstate.c`).
#[must_use]
pub fn must_exist_saving(text: &str) -> SaveError {
    SaveError::rejected(format!("\"{text}\" does not hold"))
}

/// Creates the error for a state that must not be loaded because the condition `text` does not hold.
#[must_use]
pub fn must_exist_loading(text: &str, version: u32, of: &Description) -> LoadError {
    let name = of.name;
    LoadError::rejected(format!("a state for which \"{text}\" holds"), "one for which it does not")
        .with_summary(format!("\"{text}\" does not hold"))
        .with_qemu_message(format!("Input validation failed: {name}/{text} version_id: {version}"))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const DESCRIPTION: &Description = &Description::new("dev").versions(3, 2);

    fn whole(value: &mut u8, version: u32) -> Result<(), &'static str> {
        *value += u8::try_from(version).unwrap();
        if *value > 9 { Err("too many") } else { Ok(()) }
    }

    fn short(value: &mut u8) {
        *value += 1;
    }

    fn looks(value: &u8) -> Result<(), LoadError> {
        if *value == 2 { Err(LoadError::malformed("anything but 2", value)) } else { Ok(()) }
    }

    fn looks_at_version(_: &u8, version: u32) -> bool {
        version == 3
    }

    #[test]
    fn hooks_can_omit_parameters_and_results() {
        let mut value = 0;
        post_load(&mut value, 3, DESCRIPTION, whole).unwrap();
        post_load(&mut value, 3, DESCRIPTION, short).unwrap();
        post_load(&mut value, 3, DESCRIPTION, looks).unwrap();
        assert_eq!(value, 4);
        assert!(holds(&value, 3, looks_at_version) && !holds(&value, 3, |value: &u8| *value == 5));
    }

    #[test]
    fn hook_error_has_qemu_message() {
        let error = post_load(&mut 7, 3, DESCRIPTION, whole).unwrap_err();
        assert_eq!((error.expected(), error.found()), ("`post_load` of `dev` to accept the state", "too many"));
        assert_eq!(
            error.qemu_message(),
            Some("post load hook failed for: dev, version_id: 3, minimum_version: 2, ret: -1")
        );
        assert_eq!(saving(whole).run("pre_save", &mut 7, 3).unwrap_err().to_string(), "`pre_save` failed: too many");
    }

    #[test]
    fn load_error_of_hook_is_unchanged() {
        assert_eq!(pre_load(&mut 2, 3, DESCRIPTION, looks).unwrap_err().expected(), "anything but 2");
    }
}
