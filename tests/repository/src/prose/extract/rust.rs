//! Prose in Rust: comments, documentation, messages and names of tests.

use super::{Kind, Piece, markdown};

/// Returns the comments, the string literals that read like messages, and the names of tests.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut lexer = Lexer { rest: text, line: 1, pieces: Vec::new(), comment: Vec::new(), is_test: false };
    while lexer.step() {}
    lexer.finish_comment();
    lexer.pieces
}

/// Returns the text of a line comment, if `line` contains one outside of an address (`https://`).
pub(super) fn comment_of(line: &str) -> Option<&str> {
    let at = line.find("//").filter(|&at| !line[..at].ends_with(':'))?;
    Some(line[at..].trim_start_matches(['/', '!']).trim_start())
}

struct Lexer<'t> {
    rest: &'t str,
    line: usize,
    pieces: Vec<Piece>,
    /// The lines of the current block of line comments.
    comment: Vec<(usize, &'t str)>,
    /// Whether `#[test]` has been seen, and no function since.
    is_test: bool,
}

impl<'t> Lexer<'t> {
    /// Consumes a token, or as much of one as does not matter. Returns `false` at the end.
    fn step(&mut self) -> bool {
        let Some(char) = self.rest.chars().next() else { return false };
        if self.rest.starts_with("//") {
            self.line_comment();
        } else if self.rest.starts_with("/*") {
            self.block_comment();
        } else if char.is_whitespace() {
            self.whitespace();
        } else {
            self.finish_comment();
            self.code(char);
        }
        true
    }

    fn code(&mut self, char: char) {
        match char {
            '"' => self.string(),
            '\'' => self.quote(),
            '#' if self.rest.starts_with("#[test]") => {
                self.is_test = true;
                self.skip("#[test]".len());
            }
            _ if char.is_alphanumeric() || char == '_' => self.word(),
            _ => self.skip(char.len_utf8()),
        }
    }

    fn skip(&mut self, bytes: usize) {
        let (skipped, rest) = self.rest.split_at(bytes);
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }

    /// A blank line ends a block of comments.
    fn whitespace(&mut self) {
        let end = self.rest.find(|char: char| !char.is_whitespace()).unwrap_or(self.rest.len());
        if self.rest[..end].matches('\n').count() > 1 {
            self.finish_comment();
        }
        self.skip(end);
    }

    fn line_comment(&mut self) {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let text = self.rest[..end].trim_start_matches('/').trim_start_matches('!');
        self.comment.push((self.line, text));
        self.skip(end);
    }

    fn block_comment(&mut self) {
        let end = self.rest.find("*/").map_or(self.rest.len(), |end| end + 2);
        let (first, text) = (self.line, &self.rest[..end]);
        self.comment.extend(text.lines().enumerate().map(|(index, line)| (first + index, line)));
        self.skip(end);
    }

    fn finish_comment(&mut self) {
        self.pieces.extend(markdown::pieces(std::mem::take(&mut self.comment)));
    }

    /// A word, a raw or byte string that begins with one, or the name of a test.
    fn word(&mut self) {
        let end = self.rest.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(self.rest.len());
        let (word, after) = self.rest.split_at(end);
        match word {
            "r" | "br" | "cr" if after.starts_with(['"', '#']) => return self.raw_string(end),
            "b" | "c" if after.starts_with('"') => {
                self.skip(end + 1);
                self.skip_string();
                return;
            }
            "fn" if self.is_test => self.test_name(after.trim_start()),
            _ => {}
        }
        self.skip(end);
    }

    fn test_name(&mut self, after: &str) {
        self.is_test = false;
        let name: String = after.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect();
        let lines = vec![(self.line, name.replace('_', " "))];
        self.pieces.push(Piece { lines, kind: Kind::TestName });
    }

    fn raw_string(&mut self, prefix: usize) {
        let hashes = self.rest[prefix..].chars().take_while(|char| *char == '#').count();
        let Some(rest) = self.rest.get(prefix + hashes + 1..).filter(|_| self.rest[prefix + hashes..].starts_with('"'))
        else {
            return self.skip(prefix + hashes);
        };
        let end = format!("\"{}", "#".repeat(hashes));
        let length = rest.find(&end).map_or(rest.len(), |at| at + end.len());
        self.skip(prefix + hashes + 1 + length);
    }

    /// A lifetime or a character.
    fn quote(&mut self) {
        let mut after = self.rest[1..].chars();
        let length = match (after.next(), after.next()) {
            (Some('\\'), Some(escaped)) => {
                let start = 2 + escaped.len_utf8();
                start + self.rest[start..].find('\'').map_or(0, |at| at + 1)
            }
            (Some(char), Some('\'')) => 2 + char.len_utf8(),
            _ => 1,
        };
        self.skip(length);
    }

    fn string(&mut self) {
        let first = self.line;
        self.skip(1);
        let text = self.skip_string();
        // One word is a name or a value; formats of `{..}` are code.
        let message = without_placeholders(text);
        if message.trim().contains(' ') {
            let lines = message.lines().enumerate().map(|(index, line)| (first + index, line.to_owned())).collect();
            self.pieces.push(Piece { lines, kind: Kind::Text });
        }
    }

    /// Consumes the rest of a string and returns its text without the closing quote.
    fn skip_string(&mut self) -> &'t str {
        let mut is_escaped = false;
        let quote = self.rest.char_indices().find(|(_, char)| {
            let is_end = *char == '"' && !is_escaped;
            is_escaped = *char == '\\' && !is_escaped;
            is_end
        });
        let (text, end) = quote.map_or((self.rest, self.rest.len()), |(at, _)| (&self.rest[..at], at + 1));
        self.skip(end);
        text
    }
}

fn without_placeholders(text: &str) -> String {
    let text = text.replace("\\n", " . ").replace("\\\"", " ");
    let mut kept = String::new();
    let mut depth = 0_usize;
    for char in text.chars() {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '\n' => kept.push(char),
            _ if depth == 0 => kept.push(char),
            _ => {}
        }
    }
    kept
}
