//! Text, split into words.

/// A word of a text, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// The number of the line that contains it.
    pub(super) line: usize,
    /// Punctuation between the previous word and this one.
    pub(super) before: Punctuation,
}

/// Punctuation between words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Punctuation {
    None,
    Comma,
    /// Anything that ends a phrase, and the beginning of a text.
    Stop,
}

/// Splits lines of text, with their numbers, into words. Code in backticks and addresses of links count as one word.
pub(super) fn words<'t>(lines: impl IntoIterator<Item = (usize, &'t str)>) -> Vec<Word> {
    let mut words = Vec::new();
    let mut before = Punctuation::Stop;
    let mut is_code = false;
    for (line, text) in lines {
        let mut rest = text;
        while let Some(char) = rest.chars().next() {
            if char == '`' {
                is_code = !is_code;
                if is_code {
                    words.push(Word { text: "`".to_owned(), line, before });
                    before = Punctuation::None;
                }
            } else if !is_code && char.is_alphabetic() {
                let end = rest.find(|char: char| !char.is_alphabetic() && char != '\'').unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                words.push(Word { text: word.to_lowercase(), line, before });
                before = Punctuation::None;
                rest = after;
                continue;
            } else if !is_code {
                before = before.max(punctuation(char));
            }
            if let Some(after) = rest.strip_prefix("](") {
                rest = after.find(')').map_or("", |end| &after[end..]);
                continue;
            }
            rest = &rest[char.len_utf8()..];
        }
    }
    words
}

fn punctuation(char: char) -> Punctuation {
    match char {
        ',' => Punctuation::Comma,
        '.' | ';' | ':' | '!' | '?' | '(' | ')' | '|' | '{' | '}' => Punctuation::Stop,
        _ => Punctuation::None,
    }
}
