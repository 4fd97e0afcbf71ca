//! The habits that are counted.

use super::words::{Punctuation, Word};

/// A habit of wording.
#[derive(Debug)]
pub struct Habit {
    /// Its name in the budget.
    pub name: &'static str,
    /// What to write instead.
    pub instead: &'static str,
    /// The phrases, as sequences of words: `a|b` is one of several words, `!a|b` any other word or none, `,` before
    /// a word requires a comma, and `^` the beginning of a text.
    phrases: &'static [&'static str],
}

/// The habits, as in the style guide of CONTRIBUTING.md.
pub const HABITS: [Habit; 13] = [
    Habit {
        name: "clause",
        instead: "a noun instead of a clause: the input, the default, the peer's fields",
        phrases: &["what|whatever"],
    },
    Habit {
        name: "say",
        instead: "specifies, contains, returns, reports, sets, requires",
        phrases: &["say|says|said|saying"],
    },
    Habit {
        name: "stand",
        instead: "is, is defined in, follows, precedes, appears in",
        phrases: &["stand|stands|stood|standing"],
    },
    Habit {
        name: "that-of",
        instead: "the noun again, or a relative clause on it",
        phrases: &["those|ones that|of|which|who", "that of", "one that|which|whose"],
    },
    Habit { name: "behind", instead: "after, next to, alongside, compared with", phrases: &["behind|beside"] },
    Habit {
        name: "is-no",
        instead: "is not a, does not implement, has no",
        phrases: &["is|are|was|were no !longer|more", "is|are|was|were|has|have none"],
    },
    Habit {
        name: "nobody",
        instead: "the caller, the reader, the destination, the device, QEMU",
        phrases: &["nobody|somebody|anybody|everybody|whoever", "^who", "^whoever"],
    },
    Habit {
        name: "is-there",
        instead: "is present, exists, is available, is supported",
        phrases: &["is|are|was|were|be|not there"],
    },
    Habit {
        name: "own",
        instead: "custom, user-defined, separate",
        phrases: &["of|on one's|its|their|his own", "of ours|theirs|yours"],
    },
    Habit { name: "for", instead: "because; must", phrases: &[",for it|they|this|that|there|we|he|she|no", "shall"] },
    Habit {
        name: "opening",
        instead: "a verb or a noun phrase as the first word of a description",
        phrases: &["^what|how|where|whether"],
    },
    Habit {
        name: "vocabulary",
        instead: "reject, roll back, borrow, buffered, return path, peer",
        phrases: &[
            "refuse|refuses|refused|refusing|refusal|refusals",
            "lend|lends|lent|lending|relieve|relieved",
            "at hand",
            "way|goes|go|went|going back",
            "the one|other side",
            "as many as there",
            "need|needs not be",
        ],
    },
    Habit { name: "long-name", instead: "at most 50 characters in the name of a test", phrases: &[] },
];

/// The most characters in the name of a test.
pub(super) const LONGEST_NAME: usize = 50;

impl Habit {
    /// Returns the numbers of the lines of `words` in which a phrase begins.
    pub(super) fn lines_in(&self, words: &[Word]) -> Vec<usize> {
        let begins = |at: usize| self.phrases.iter().any(|phrase| matches(phrase, words, at));
        (0..words.len()).filter(|&at| begins(at)).map(|at| words[at].line).collect()
    }
}

fn matches(phrase: &str, words: &[Word], start: usize) -> bool {
    phrase.split(' ').enumerate().all(|(index, expected)| matches_word(expected, words, start + index, index == 0))
}

fn matches_word(expected: &str, words: &[Word], at: usize, is_first: bool) -> bool {
    let word = words.get(at).filter(|word| is_first || word.before < Punctuation::Stop);
    if let Some(others) = expected.strip_prefix('!') {
        return word.is_none_or(|word| !is_one_of(others, word));
    }
    let Some(word) = word else { return false };
    if let Some(expected) = expected.strip_prefix(',') {
        return word.before == Punctuation::Comma && is_one_of(expected, word);
    }
    if let Some(expected) = expected.strip_prefix('^') {
        return at == 0 && is_one_of(expected, word);
    }
    (is_first || word.before == Punctuation::None) && is_one_of(expected, word)
}

fn is_one_of(words: &str, word: &Word) -> bool {
    words.split('|').any(|expected| expected == word.text)
}
