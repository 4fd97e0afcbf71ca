//! Rules about the names of clients, as QEMU's object `authz-list` has them (`authz/list.c`).

/// Rules about the distinguished names of clients. The first rule that matches decides.
///
/// ```
/// use vmstate::migration::{AccessList, Objects};
///
/// let list = AccessList::denying().allow("CN=host1.example,O=Example").allow_glob("CN=*.hosts.example,O=Example");
/// assert!(list.allows("CN=a.hosts.example,O=Example") && !list.allows("CN=host2.example,O=Example"));
/// Objects::new().add_access_list("auth0", list)?;
/// # Ok::<(), vmstate::migration::TlsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessList {
    /// Set if clients that no rule matches are allowed.
    allows_others: bool,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    pattern: String,
    is_glob: bool,
    allows: bool,
}

impl AccessList {
    /// Creates a list that denies clients that no rule matches.
    #[must_use]
    pub fn denying() -> Self {
        Self::default()
    }

    /// Creates a list that allows clients that no rule matches.
    #[must_use]
    pub fn allowing() -> Self {
        Self { allows_others: true, rules: Vec::new() }
    }

    /// Adds a rule that allows the client of this name.
    #[must_use]
    pub fn allow(self, name: &str) -> Self {
        self.rule(name, false, true)
    }

    /// Adds a rule that denies the client of this name.
    #[must_use]
    pub fn deny(self, name: &str) -> Self {
        self.rule(name, false, false)
    }

    /// Adds a rule that allows clients whose name matches a pattern: `*` matches any text, and `?` one character.
    #[must_use]
    pub fn allow_glob(self, pattern: &str) -> Self {
        self.rule(pattern, true, true)
    }

    /// Adds a rule that denies clients whose name matches a pattern, as in [`allow_glob`](Self::allow_glob).
    #[must_use]
    pub fn deny_glob(self, pattern: &str) -> Self {
        self.rule(pattern, true, false)
    }

    pub(in crate::migration) fn rule(mut self, pattern: &str, is_glob: bool, allows: bool) -> Self {
        self.rules.push(Rule { pattern: pattern.to_owned(), is_glob, allows });
        self
    }

    /// Returns whether a client is allowed, by the distinguished name of its certificate.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        self.rules.iter().find(|rule| rule.matches(name)).map_or(self.allows_others, |rule| rule.allows)
    }
}

impl Rule {
    fn matches(&self, name: &str) -> bool {
        if self.is_glob { matches_glob(&self.pattern, name) } else { self.pattern == name }
    }
}

/// Matches a text with a pattern. Only the last `*` is extended again, so the time is at most the product of the lengths.
fn matches_glob(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // The pattern after the last `*`, and the text that it is tried at next.
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let mut rest = pattern.clone();
        match (rest.next(), text.clone().next()) {
            (Some('*'), _) => {
                retry = Some((rest.clone(), text.clone()));
                pattern = rest;
            }
            (Some(expected), Some(found)) if expected == '?' || expected == found => {
                pattern = rest;
                text.next();
            }
            (None, None) => return true,
            _ => {
                let Some((after, from)) = &mut retry else { return false };
                if from.next().is_none() {
                    return false;
                }
                (pattern, text) = (after.clone(), from.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, which takes exponential time.
    fn model(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=text.len()).any(|skipped| model(rest, &text[skipped..])),
            (['?', rest @ ..], [_, others @ ..]) => model(rest, others),
            ([first, rest @ ..], [other, others @ ..]) => first == other && model(rest, others),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn random_patterns_match_as_defined(pattern in "[ab*?]{0,8}", text in "[abä]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches_glob(&pattern, &text), model(&chars(&pattern), &chars(&text)));
        }
    }

    #[test]
    fn first_rule_decides() {
        let list = AccessList::allowing().deny("CN=a").allow("CN=a").deny_glob("CN=*,O=x");
        let allowed = ["CN=a", "CN=b", "CN=b,O=x", "CN=*,O=x", "cn=a"].map(|name| list.allows(name));
        assert_eq!(allowed, [false, true, false, false, true]);
        let exact = AccessList::denying().allow("CN=*");
        assert!(exact.allows("CN=*") && !exact.allows("CN=a"));
    }

    #[test]
    fn hostile_names_take_little_time() {
        let (pattern, text) = ("*a".repeat(50) + "b", "a".repeat(20_000));
        assert!(!matches_glob(&pattern, &text));
    }
}
