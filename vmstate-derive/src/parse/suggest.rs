//! Unknown attributes, and the suggestion of the intended one.

use syn::Ident;

use crate::errors::Errors;

/// A kind of attribute.
pub(crate) struct Level {
    /// The name of the kind, such as `field attribute`.
    pub(crate) noun: &'static str,
    pub(crate) keys: &'static [&'static str],
}

/// All levels.
pub(crate) type Levels = &'static [Level];

/// Names in QEMU and in other derives, and the attribute here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("default_value", "default"),
    ("field_exists", "when"),
    ("flatten", "inline"),
    ("ignore", "skip"),
    ("load_state_old", "load_old"),
    ("needed", "when"),
    ("num", "len"),
    ("optional", "option"),
    ("rename", "name"),
    ("skip_deserializing", "skip"),
    ("skip_if", "when"),
    ("skip_serializing", "skip"),
    ("skip_serializing_if", "when"),
    ("tag", "repr"),
    ("test", "when"),
    ("transient", "skip"),
    ("varray", "len"),
];

/// Names in other derives whose effect is a combination of attributes here, and the advice.
const COMBINATIONS: &[(&str, &str)] =
    &[("rename_all", "write `name = \"...\"` on each field; QEMU's names have the letters of C's members")];

/// The number of keys that a message lists. A longer list hides the message.
const MAX_LISTED: usize = 12;

/// The page with all attributes.
const PAGE: &str = "https://docs.rs/vmstate/latest/vmstate/derive.VmState.html";

/// Reports a key that is not one of `here`, with the level it belongs to or the key that was probably meant.
pub(super) fn unknown(key: &Ident, here: &Level, levels: Levels, errors: &Errors) {
    let text = key.to_string();
    let homes: Vec<_> = levels.iter().filter(|level| level.keys.contains(&text.as_str())).map(with_article).collect();
    let meant = if homes.is_empty() { meant(&text, here) } else { known_as(&text, here) };
    let problem = if homes.is_empty() {
        format!("unknown {} `{key}`", here.noun)
    } else {
        format!("`{key}` is {}, not {}", homes.join(" or "), with_article(here))
    };
    let combination = COMBINATIONS.iter().find(|(other, _)| *other == text).map(|(_, advice)| *advice);
    let advice = match (combination, meant) {
        (Some(advice), _) => format!(": {advice}"),
        (None, Some(meant)) => format!("; did you mean `{meant}`?"),
        (None, None) if !homes.is_empty() => String::new(),
        (None, None) if here.keys.len() > MAX_LISTED => format!("; all are described at {PAGE}"),
        (None, None) => format!("; expected one of: {}", here.keys.join(", ")),
    };
    errors.at(key, problem + &advice);
}

/// Returns the key of `here` that an unknown one was probably meant to be.
pub(super) fn meant(text: &str, here: &Level) -> Option<&'static str> {
    // An exact match of a foreign name is a better guess than a similar spelling.
    known_as(text, here).or_else(|| nearest(text, here.keys))
}

/// Returns the key of `here` for a name in QEMU or in another derive.
fn known_as(text: &str, here: &Level) -> Option<&'static str> {
    ELSEWHERE.iter().find(|(other, own)| *other == text && here.keys.contains(own)).map(|(_, own)| *own)
}

/// The noun of a level with its article: `an `unused` option`.
fn with_article(level: &Level) -> String {
    let starts_with_vowel = level.noun.trim_start_matches('`').starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {}", if starts_with_vowel { "an" } else { "a" }, level.noun)
}

/// Returns the known word that `text` is probably a misspelling of.
pub(crate) fn nearest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, nearest) = known.iter().map(|known| (distance(text, known), *known)).min()?;
    // A third of the letters may be wrong, and one more in short words.
    (distance <= text.len().max(nearest.len()) / 3 + 1).then_some(nearest)
}

/// The Levenshtein distance: the number of letters to insert, delete or replace.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distance_counts_letters() {
        assert_eq!(distance("sinse", "since"), 1);
        assert_eq!(distance("", "since"), 5);
        assert_eq!(distance("skip", "skip"), 0);
        assert_eq!(distance("untl", "until"), 1);
    }
}
