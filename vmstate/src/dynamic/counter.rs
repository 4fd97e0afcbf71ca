//! A heuristic for counter fields: descriptions do not contain the relation between an array and its counter.
//!
//! The words occur in the names of QEMU's counters. A wrong guess costs little: an edit of the field requires
//! `--allow-counts`, or an import mentions a counter that does not exist.

/// Returns whether the name of a field suggests that it counts something.
pub(crate) fn is_counter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["num", "count", "cnt", "len", "size", "nb", "nr", "nvectors"].iter().any(|word| name.contains(word))
}
