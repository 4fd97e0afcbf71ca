//! Prose in shell scripts and TOML: comments, and the messages that scripts print.

use super::Piece;

/// The commands and functions that print their arguments.
const PRINTERS: [&str; 6] = ["echo ", "printf ", "say ", "fail ", "cannot ", "echo: "];

/// Returns the blocks of comments, and the quoted arguments of commands that print.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut comment: Option<Piece> = None;
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim_start());
        if let Some(text) = line.strip_prefix('#').filter(|text| !text.starts_with('!')) {
            let block = comment.get_or_insert_with(|| Piece { lines: Vec::new(), kind: super::Kind::Text });
            block.lines.push((number, text.to_owned()));
            continue;
        }
        pieces.extend(comment.take());
        if PRINTERS.iter().any(|printer| line.contains(printer)) {
            pieces.extend(line.split('"').skip(1).step_by(2).map(|message| Piece::line(number, message)));
        }
        if let Some((_, trailing)) = line.split_once(" # ") {
            pieces.push(Piece::line(number, trailing));
        }
    }
    pieces.extend(comment);
    pieces
}
