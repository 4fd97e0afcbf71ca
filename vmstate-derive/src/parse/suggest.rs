//! What someone may have meant.

use syn::Ident;

use crate::errors::Errors;

/// A level of attributes, and its keys.
pub(crate) struct Level {
    /// The level in words, such as `on a field`.
    pub(crate) place: &'static str,
    pub(crate) keys: &'static [&'static str],
}

/// All levels.
pub(crate) type Levels = &'static [Level];

/// What QEMU and other derives call something, and what it is called here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("default_value", "default"),
    ("field_exists", "when"),
    ("ignore", "skip"),
    ("load_state_old", "load_old"),
    ("needed", "when"),
    ("num", "len"),
    ("test", "when"),
    ("transient", "skip"),
    ("varray", "len"),
];

/// Reports a key that may not stand in `here`: with the one that was meant, or with the places where it belongs.
pub(super) fn unknown(key: &Ident, here: &Level, levels: Levels, errors: &Errors) {
    let text = key.to_string();
    let Level { place, keys } = here;
    let homes: Vec<_> =
        levels.iter().filter(|level| level.keys.contains(&text.as_str())).map(|level| level.place).collect();
    let wrong = match homes.is_empty() {
        true => format!("there is no `{key}` {place}"),
        false => format!("`{key}` belongs {}, not {place}", homes.join(" or ")),
    };
    let meant = ELSEWHERE.iter().find(|(other, own)| *other == text && keys.contains(own)).map(|(_, own)| *own);
    errors.at(
        key,
        match meant.or_else(|| nearest(&text, keys).filter(|_| homes.is_empty())) {
            Some(known) => format!("{wrong}; did you mean `{known}`?"),
            None if homes.is_empty() => format!("{wrong}; there are: {}", keys.join(", ")),
            None => wrong,
        },
    );
}

/// The one that `text` is a misspelling of.
pub(crate) fn nearest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, nearest) = known.iter().map(|known| (distance(text, known), *known)).min()?;
    (distance <= text.len().max(nearest.len()) / 3 + 1).then_some(nearest)
}

/// How many letters have to be inserted, deleted or replaced to make one of the other.
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
    fn distances_are_counted_in_letters() {
        assert_eq!(distance("sinse", "since"), 1);
        assert_eq!(distance("", "since"), 5);
        assert_eq!(distance("skip", "skip"), 0);
        assert_eq!(distance("untl", "until"), 1);
    }
}
