//! The boundaries of JSON texts in a sequence of bytes.

use std::ops::Range;

/// Finds the ends of objects that follow each other without separators, as clients of QMP send them.
///
/// Each byte is examined once, however the bytes are split: a client that sends single bytes costs no more than others.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    buffer: Vec<u8>,
    /// The number of bytes of the buffer that were examined.
    examined: usize,
    /// The start of the current object, once its first brace was seen.
    start: Option<usize>,
    depth: usize,
    /// Set within a string.
    string: bool,
    /// Set after a backslash.
    escaped: bool,
    /// Set after an error, until the end of the line.
    skipping: bool,
}

/// The limit of a command, in bytes and in nesting. QEMU's are 64 MiB and 1024; commands of a migration have a few hundred
/// bytes.
pub(super) const MAX_BYTES: usize = 64 << 10;
pub(super) const MAX_DEPTH: usize = 64;

/// The reason why the bytes cannot be commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Invalid {
    TooLong,
    TooDeep,
    /// A byte outside of an object.
    Stray(u8),
}

impl Scanner {
    /// Appends received bytes. At most [`MAX_BYTES`] are kept; [`next_object`](Self::next_object) reports the excess.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the range of the next complete object, which [`consume`](Self::consume) removes.
    pub(super) fn next_object(&mut self) -> Result<Option<Range<usize>>, Invalid> {
        while let Some(&byte) = self.buffer.get(self.examined) {
            self.examined += 1;
            if self.skipping {
                self.skipping = byte != b'\n';
                continue;
            }
            if self.ends_with(byte)? {
                let start = self.start.take().unwrap_or_default();
                return Ok(Some(start..self.examined));
            }
            if self.start.is_some_and(|start| self.examined - start > MAX_BYTES) {
                return Err(Invalid::TooLong);
            }
        }
        self.drop_whitespace();
        Ok(None)
    }

    /// Returns the bytes of an object.
    pub(super) fn object(&self, range: &Range<usize>) -> &[u8] {
        self.buffer.get(range.clone()).unwrap_or_default()
    }

    /// Removes everything up to the end of the last object.
    pub(super) fn consume(&mut self) {
        self.buffer.drain(..self.examined);
        self.examined = 0;
    }

    /// Ignores the rest of the line, after an error. Clients end each command with a line break, so the next one is
    /// understood, however the bytes are split.
    pub(super) fn skip_line(&mut self) {
        self.consume();
        *self = Self { buffer: std::mem::take(&mut self.buffer), skipping: true, ..Self::default() };
    }

    /// Returns whether `byte` ends an object.
    fn ends_with(&mut self, byte: u8) -> Result<bool, Invalid> {
        if std::mem::take(&mut self.escaped) {
            return Ok(false);
        }
        match byte {
            b'\\' if self.string => self.escaped = true,
            b'"' if self.start.is_some() => self.string = !self.string,
            _ if self.string => {}
            b'{' | b'[' if self.depth == MAX_DEPTH => return Err(Invalid::TooDeep),
            b'{' => self.open(),
            b'[' if self.start.is_some() => self.open(),
            b'}' | b']' if self.start.is_some() => {
                self.depth -= 1;
                return Ok(self.depth == 0);
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ if self.start.is_some() => {}
            stray => return Err(Invalid::Stray(stray)),
        }
        Ok(false)
    }

    fn open(&mut self) {
        self.depth += 1;
        self.start.get_or_insert(self.examined - 1);
    }

    /// Removes whitespace between objects, so that the buffer does not grow with it.
    fn drop_whitespace(&mut self) {
        if self.start.is_none() {
            self.consume();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_after_an_error_is_understood() {
        let mut scanner = Scanner::default();
        scanner.push(b"x{}");
        assert_eq!(scanner.next_object(), Err(Invalid::Stray(b'x')));
        scanner.skip_line();
        assert_eq!(scanner.next_object(), Ok(None));
        scanner.push(b"{\n{}");
        assert_eq!(scanner.next_object().unwrap().map(|range| scanner.object(&range)), Some(&b"{}"[..]));
    }

    fn objects(chunks: &[&[u8]]) -> Result<Vec<String>, Invalid> {
        let (mut scanner, mut found) = (Scanner::default(), Vec::new());
        for chunk in chunks {
            scanner.push(chunk);
            while let Some(range) = scanner.next_object()? {
                found.push(String::from_utf8_lossy(scanner.object(&range)).into_owned());
                scanner.consume();
            }
        }
        Ok(found)
    }

    #[test]
    fn objects_do_not_depend_on_the_chunks() {
        let bytes = br#" {"a": "}\"{", "b": [1, {"c": {}}]}{} 
{"d": "\\"}"#;
        let expected = [r#"{"a": "}\"{", "b": [1, {"c": {}}]}"#, "{}", r#"{"d": "\\"}"#];
        assert_eq!(objects(&[bytes]).unwrap(), expected);
        for split in 0..=bytes.len() {
            let (first, second) = bytes.split_at(split);
            assert_eq!(objects(&[first, second]).unwrap(), expected, "split at {split}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(objects(&single).unwrap(), expected);
    }

    #[test]
    fn endless_input_is_rejected() {
        assert_eq!(objects(&[&[b'['; 9]]), Err(Invalid::Stray(b'[')));
        assert_eq!(objects(&[b"]"]), Err(Invalid::Stray(b']')));
        assert_eq!(objects(&[&b"{\"a\":".repeat(MAX_DEPTH + 1)]), Err(Invalid::TooDeep));
        let long = [b"{\"".as_slice(), &vec![b'x'; MAX_BYTES]].concat();
        assert_eq!(objects(&[&long]), Err(Invalid::TooLong));
    }

    #[test]
    fn whitespace_is_not_kept() {
        let mut scanner = Scanner::default();
        for _ in 0..1000 {
            scanner.push(b"\r\n");
            assert_eq!(scanner.next_object(), Ok(None));
        }
        assert_eq!(scanner.buffer.len(), 0);
    }
}
