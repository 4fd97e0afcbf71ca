//! `vmstate report`.

use std::fs;

use serde_json::{Value, json};
use vmstate_tests::report::{HOSTILE, data, field, hostile, page, page_of, stream};
use vmstate_tests::streams;
use vmstate_tests::tool::{self, Folder, json_of, number, vmstate};

use super::made;

#[test]
fn page_is_self_contained() {
    for page in [page_of(&["qemu-10.0-pc"]), page_of(&["qemu-7.2-virt", "qemu-10.0-virt"])] {
        for outside in ["http:", "https:", "src=", "@import", "url(", "<link", "fetch("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
        assert!(!page.contains("<!--"), "every mark is replaced");
        assert!(page.len() < 700_000, "{}", page.len());
    }
}

#[test]
fn all_sections_and_fields_are_in_the_page() {
    let folder = Folder::new();
    for stream in streams::all() {
        let file = folder.put("in", &stream.bytes);
        let data = data(&page(&[&file]));
        let sections = data["sections"].as_array().unwrap();
        let info = json_of(&vmstate(["info", "--json", &file]));
        let listed = info["sections"].as_array().unwrap().iter().filter(|section| section["name"] != "ram");
        let expected: Vec<_> =
            std::iter::once(json!("configuration")).chain(listed.map(|section| section["name"].clone())).collect();
        assert_eq!(
            sections.iter().map(|section| section["name"].clone()).collect::<Vec<_>>(),
            expected,
            "{}",
            stream.name
        );
        assert_eq!(data["ram"]["blocks"].as_array().unwrap().len(), info["ram"].as_array().unwrap().len());
        sections.iter().for_each(|section| assert_bytes(section, &stream.bytes));
    }
}

/// Makes sure that a section's bytes are the stream's, and that its fields are all of them, one after the other.
fn assert_bytes(section: &Value, stream: &[u8]) {
    let [offset, size] = ["offsets", "sizes"].map(|key| usize::try_from(section[key][0].as_u64().unwrap()).unwrap());
    let hex = section["bytes"][0].as_str().unwrap();
    let shown: String = stream[offset..offset + hex.len() / 2].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((hex, hex.len() / 2), (shown.as_str(), size.min(64 << 10)));
    let mut end = 0;
    for field in section["fields"].as_array().unwrap() {
        let [start, length] = [0, 1].map(|index| field[3][0][index].as_u64().unwrap());
        assert_eq!(start, end, "{section}");
        end += length;
    }
    assert_eq!(end, size as u64, "{}", section["name"]);
}

#[test]
fn hostile_names_are_escaped() {
    let folder = Folder::new();
    let page = page(&[&folder.put("in", &hostile())]);
    assert_eq!(page.matches("</script>").count(), 2, "the page's own");
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("<img").count(), 0);
    let data = data(&page);
    let section = &data["sections"][0];
    assert_eq!((&section["name"], &section["fields"][0][0]), (&json!(HOSTILE), &json!(HOSTILE)));
    assert_eq!(data["types"][0], json!(HOSTILE));
}

#[test]
fn page_size_is_bounded() {
    let folder = Folder::new();
    let bytes = stream("large", &[field("a", "\"array_len\": 4000000, ", "uint16", 2)], &vec![7; 8_000_000]);
    let one = page(&[&folder.put("in", &bytes)]);
    assert!(one.len() < 300_000, "{}", one.len());
    assert_eq!(data(&one)["sections"][0]["sizes"], json!([8_000_000]));

    let inner =
        format!(r#"{{"vmsd_name": "n", "version": 1, "fields": [{}]}}"#, field(&"x".repeat(1000), "", "uint8", 1));
    let array = format!(r#"{{"name": "a", "array_len": 200000, "type": "struct", "struct": {inner}, "size": 1}}"#);
    let many: Vec<_> = (0..60_000).map(|index| field(&format!("f{index}"), "", "uint8", 1)).collect();
    let bytes = stream("large", &[vec![array], many].concat(), &vec![1; 260_000]);
    let page = page(&[&folder.put("in", &bytes)]);
    assert!(page.len() < 5_000_000, "{}", page.len());
    let section = &data(&page)["sections"][0];
    let elements = &section["fields"][0];
    assert_eq!((elements[5].as_array().unwrap().len(), &elements[6]), (256, &json!(200_000 - 256)));
    let left_out = section["hidden"].as_u64().unwrap();
    assert_eq!(section["fields"].as_array().unwrap().len() as u64 + left_out, 60_001);
    assert!((9_000..15_000).contains(&left_out), "{left_out}");

    let memory = made::stream(&[made::Page::Zero; 20_000], made::DESCRIPTION);
    let block = &data(&self::page(&[&folder.put("in", &memory)]))["ram"]["blocks"][0];
    assert_eq!((block["cells"].as_str().unwrap().len(), &block["per_cell"]), (4000, &json!(5)));
}

#[test]
fn memory_is_a_map() {
    use made::Page::{Data, Zero};
    let folder = Folder::new();
    let pages = |pages: &[made::Page]| made::stream(pages, made::DESCRIPTION);
    let old = folder.put("old", &pages(&[Data(1), Data(2), Zero, Data(3), Zero]));
    let new = folder.put("new", &pages(&[Data(1), Data(4), Data(5), Zero, Zero]));
    let block = |arguments: &[&str]| data(&page(arguments))["ram"]["blocks"][0].clone();
    assert_eq!((&block(&[&old])["cells"], &block(&[&old])["per_cell"]), (&json!("99090"), &json!(1)));
    assert_eq!(block(&[&old])["text"], json!("20 KiB, 2 pages of zeros and 3 with data"));
    let two = block(&[&old, &new]);
    assert_eq!((&two["cells"], &two["state"]), (&json!("9cfz0"), &json!(1)));
    assert!(two["text"].as_str().unwrap().ends_with("; 1 changed; 1 zeroed; 1 filled"), "{two}");
    assert_eq!(block(&[&old, &old])["state"], json!(0));
}

#[test]
fn report_writes_to_file_or_stdout() {
    let folder = Folder::new();
    let bytes = streams::named("qemu-7.2-uno").bytes;
    let file = folder.put("in", &bytes);
    let to_stdout = vmstate(["report", &file, "-o", "-"]);
    assert!(to_stdout.code == 0 && to_stdout.stdout.starts_with(b"<!doctype html>"));
    assert!(to_stdout.stderr.contains("bytes written"));
    let piped = tool::piped(["report", "-", &file, "-o", &folder.path("out"), "--json"], &bytes);
    assert_eq!(number(&json_of(&piped), "written") as u64, fs::metadata(folder.path("out")).unwrap().len());
    assert!(vmstate(["report", &file, "-o", &file]).error().contains("same file"));
    assert!(vmstate(["report", "-", "-", "-o", "-"]).error().contains("standard input"));
    vmstate(["report", &file]).error();
    vmstate(["report", &folder.path("missing"), "-o", &folder.path("page")]).error();
    assert_eq!(folder.names(), ["in", "out"]);
}
