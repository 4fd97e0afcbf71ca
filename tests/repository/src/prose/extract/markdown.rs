//! Prose in Markdown: in files, and in the documentation of Rust.

use super::Piece;
use super::rust::comment_of;

/// Returns the paragraphs and headings, and the comments in code.
pub(super) fn pieces<'t>(lines: impl IntoIterator<Item = (usize, &'t str)>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut paragraph = Vec::new();
    let mut is_code = false;
    for (number, line) in lines {
        let text = line.trim_start();
        if text.starts_with("```") {
            is_code = !is_code;
            finish(&mut pieces, &mut paragraph);
        } else if is_code {
            pieces.extend(comment_of(text).map(|comment| Piece::line(number, comment)));
        } else if text.is_empty() {
            finish(&mut pieces, &mut paragraph);
        } else {
            // Headings, items and rows are texts of their own.
            if text.starts_with(['#', '|', '-', '*', '>']) {
                finish(&mut pieces, &mut paragraph);
            }
            paragraph.push((number, line.to_owned()));
            if text.starts_with(['#', '|']) {
                finish(&mut pieces, &mut paragraph);
            }
        }
    }
    finish(&mut pieces, &mut paragraph);
    pieces
}

fn finish(pieces: &mut Vec<Piece>, paragraph: &mut Vec<(usize, String)>) {
    if !paragraph.is_empty() {
        pieces.push(Piece { lines: std::mem::take(paragraph), kind: super::Kind::Text });
    }
}
