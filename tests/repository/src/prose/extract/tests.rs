use super::*;

fn texts(path: &str, text: &str) -> Vec<String> {
    let join =
        |piece: Piece| piece.lines.into_iter().map(|(_, line)| line.trim().to_owned()).collect::<Vec<_>>().join("/");
    pieces(path, text).into_iter().map(join).collect()
}

#[test]
fn markdown_is_split_into_paragraphs() {
    let text = "# Title\nOne\ntwo.\n\n- item\n  more\n- item\n\n```rust\nlet a = 1; // one\nlet b = \"x\";\n```\nEnd";
    assert_eq!(texts("a.md", text), ["# Title", "One/two.", "- item/more", "- item", "one", "End"]);
}

#[test]
fn rust_has_comments_messages_and_test_names() {
    let text = "//! Module\n//! docs.\n\n/// Item.\nfn item<'a>(c: char) -> bool {\n    c == '\"' || c == '\\'' // trailing\n}\n\
                /* block */\nconst M: &str = \"two {words} \\\"here\\\"\";\nconst N: &str = \"name\";\n\
                const R: &str = r#\"raw \"text\" here\"#;\nconst B: &[u8] = b\"some bytes\";\n\
                #[test]\nfn some_name() { assert!(true, \"it is so\"); }\nfn other() {}\n";
    let expected = ["Module/docs.", "Item.", "trailing", "/* block */", "two   here", "some name", "it is so"];
    assert_eq!(texts("a.rs", text), expected);
}

#[test]
fn scripts_have_comments_and_messages() {
    let text = "#!/bin/bash\n# One\n# two.\nset -e # trailing\necho \"some message\" >&2\nx=\"not one\"\n";
    assert_eq!(texts("tests/run", text), ["One/two.", "trailing", "some message"]);
    assert_eq!(texts("Cargo.toml", "# Why\na = 1\n"), ["Why"]);
    assert_eq!(texts("data", "no script"), [""; 0]);
}
