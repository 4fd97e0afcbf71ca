//! Pairs corresponding items of two sides.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// An item of one side, or a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pair<T> {
    Both(T, T),
    Old(T),
    New(T),
}

impl<T> Pair<T> {
    pub(crate) fn sides(self) -> (Option<T>, Option<T>) {
        match self {
            Self::Both(old, new) => (Some(old), Some(new)),
            Self::Old(old) => (Some(old), None),
            Self::New(new) => (None, Some(new)),
        }
    }
}

/// Pairs items with the same key. Repeated keys are paired in order. Takes linear time, because a tree can have a
/// million nodes.
///
/// The result has the order of `old`; an item that only `new` has comes after its predecessor in `new`.
pub(crate) fn pairs<'a, T, K: Hash + Eq>(old: &'a [T], new: &'a [T], key: impl Fn(&'a T) -> K) -> Vec<Pair<&'a T>> {
    let mut places: HashMap<K, Vec<usize>> = HashMap::new();
    for (place, item) in new.iter().enumerate().rev() {
        places.entry(key(item)).or_default().push(place);
    }
    let partners: Vec<_> = old.iter().map(|item| places.get_mut(&key(item)).and_then(Vec::pop)).collect();
    let paired: HashSet<_> = partners.iter().flatten().copied().collect();

    let alone = |from: usize| {
        let rest = new.iter().enumerate().skip(from);
        rest.take_while(|(place, _)| !paired.contains(place)).map(|(_, item)| Pair::New(item))
    };
    let mut pairs: Vec<_> = alone(0).collect();
    for (old, partner) in old.iter().zip(partners) {
        match partner.and_then(|place| Some((place, new.get(place)?))) {
            Some((place, new)) => {
                pairs.push(Pair::Both(old, new));
                pairs.extend(alone(place + 1));
            }
            None => pairs.push(Pair::Old(old)),
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_item_comes_after_its_predecessor() {
        let shown = |old: &str, new: &str| {
            let (old, new) = (old.as_bytes(), new.as_bytes());
            let pairs = pairs(old, new, |&byte| byte);
            let sign = |pair: &Pair<&u8>| match *pair {
                Pair::Both(old, new) => {
                    assert_eq!(old, new);
                    char::from(*old).to_string()
                }
                Pair::Old(old) => format!("-{}", char::from(*old)),
                Pair::New(new) => format!("+{}", char::from(*new)),
            };
            pairs.iter().map(sign).collect::<String>()
        };
        assert_eq!(shown("abc", "abc"), "abc");
        assert_eq!(shown("abc", "xaybcz"), "+xa+ybc+z");
        assert_eq!(shown("abc", "cb"), "-abc");
        assert_eq!(shown("aab", "abaa"), "aa+ab");
        assert_eq!(shown("", "ab"), "+a+b");
        assert_eq!(shown("ab", ""), "-a-b");
    }
}
