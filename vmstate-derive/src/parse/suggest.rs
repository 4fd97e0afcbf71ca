//! What someone may have meant.

use syn::Ident;

use crate::errors::Errors;

/// A place of attributes, such as `on a field`, and the keys that may stand there.
type Place = (&'static str, &'static [&'static str]);

/// Reports a key that may not stand in `here`: with the nearest one that may, or with the place where it belongs.
pub(super) fn unknown(key: &Ident, here: Place, places: &[Place], errors: &Errors) {
    let text = key.to_string();
    let (place, keys) = here;
    if let Some((other, _)) = places.iter().find(|(_, keys)| keys.contains(&text.as_str())) {
        errors.at(key, format!("`{key}` belongs {other}, not {place}"));
        return;
    }
    let nearest = keys.iter().map(|known| (distance(&text, known), *known)).min();
    let message = match nearest {
        Some((distance, known)) if distance <= text.len().max(known.len()) / 3 + 1 => {
            format!("there is no `{key}` {place}; did you mean `{known}`?")
        }
        _ => format!("there is no `{key}` {place}; there are: {}", keys.join(", ")),
    };
    errors.at(key, message);
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
