//! A heuristic for counter fields. Descriptions do not contain the counter of an array.

/// Returns whether the name of a field suggests that it counts something.
pub(crate) fn is_counter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["num", "count", "cnt", "len", "size", "nb", "nr", "nvectors"].iter().any(|word| name.contains(word))
}
