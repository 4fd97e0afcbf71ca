//! The pages in a browser, used as people use them.

use serde_json::{Value, json};
use vmstate_tests::browser::run_in;
use vmstate_tests::report::{self, HOSTILE, hostile, page, page_of};
use vmstate_tests::streams;
use vmstate_tests::tool::{Folder, json_of, number, objects, vmstate};

const WIDE: (u32, u32) = (1500, 1000);
const NARROW: (u32, u32) = (420, 800);

/// Functions for all scripts of these tests.
const HELPERS: &str = "
    const wait = (time) => new Promise((done) => setTimeout(done, time));
    const rows = (root) => Array.from(document.querySelectorAll(`${root} [role=treeitem]`));
    const names = (root) => rows(root).map((row) => row.querySelector('.name span').textContent);
    const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    const type = async (text) => {
        $('search').value = text;
        $('search').dispatchEvent(new Event('input'));
        await wait(200);
    };
    const marked = (side) => Array.from(document.querySelectorAll('.dump')[side].querySelectorAll('b.on'))
        .filter((byte) => /^[0-9a-f]{2}$/.test(byte.textContent)).map((byte) => byte.textContent).join('');
    const chosenRow = () => rows('#tree').find((row) => row.classList.contains('chosen'));
    // The layout follows the page's size with a delay.
    await wait(100);
";

fn run(page: &str, size: (u32, u32), script: &str) -> Value {
    run_in(page, size, &format!("{HELPERS}\n{script}"))
}

#[test]
fn every_stream_opens_with_all_its_sections() {
    for stream in streams::all() {
        let page = page_of(&[&stream.name]);
        let size = if stream.name.contains("7.2") { NARROW } else { WIDE };
        let shown = run(
            &page,
            size,
            "const tiles = Array.from(map.children, (tile) => tile.getBoundingClientRect());
             const around = map.getBoundingClientRect();
             return {
                 tree: names('#tree'),
                 tiles: Array.from(map.children, (tile) => tile.title.split(/(:[0-9]+)?, [0-9]/)[0]).sort(),
                 outside: tiles.filter((tile) => tile.width < 1 || tile.height < 1 || tile.left < around.left - 1
                     || tile.right > around.right + 1 || tile.top < around.top - 1 || tile.bottom > around.bottom + 1),
                 around,
                 covered: tiles.reduce((sum, tile) => sum + (tile.width + 2) * (tile.height + 2), 0) / (around.width * around.height),
                 blocks: document.querySelectorAll('#ram canvas').length,
                 overflow: document.documentElement.scrollWidth - innerWidth,
             };",
        );
        let data = report::data(&page);
        let sections: Vec<_> =
            data["sections"].as_array().unwrap().iter().map(|section| section["name"].clone()).collect();
        assert_eq!(shown["tree"], json!(sections), "{}", stream.name);
        let mut sorted: Vec<_> = sections.iter().map(|name| name.as_str().unwrap()).collect();
        sorted.sort_unstable();
        assert_eq!(shown["tiles"], json!(sorted), "{}", stream.name);
        assert_eq!(shown["outside"], json!([]), "{} in {}", stream.name, shown["around"]);
        let covered = shown["covered"].as_f64().unwrap();
        assert!((0.97..1.03).contains(&covered), "{}: {covered}", stream.name);
        assert_eq!(shown["blocks"].as_u64().unwrap(), data["ram"]["blocks"].as_array().unwrap().len() as u64);
        assert!(shown["overflow"].as_i64().unwrap() <= 0, "{}: {shown}", stream.name);
    }
}

#[test]
fn fields_are_found_and_lead_to_their_bytes() {
    let folder = Folder::new();
    let stream = streams::named("qemu-10.0-pc");
    let file = folder.put("in", &stream.bytes);
    let dump = json_of(&vmstate(["dump", "--json", &file, "--section", "serial", "--field", "state.divider"]));
    let offset = number(&dump["fields"][0], "offset");
    let shown = run(
        &page(&[&file]),
        WIDE,
        "await type('serial DIVIDER');
         const found = { names: names('#results'), count: $('found').textContent, tree: tree.hidden };
         rows('#results')[0].click();
         found.bytes = marked(0);
         found.facts = $('bytes').querySelector('dl').textContent;
         rows('#results')[0].dispatchEvent(new MouseEvent('dblclick', { bubbles: true }));
         found.back = [tree.hidden, $('search').value, chosenRow().querySelector('.name').textContent];
         await type('no such thing');
         found.none = [names('#results').length, $('found').textContent];
         return found;",
    );
    assert_eq!(
        (&shown["names"], &shown["count"], &shown["tree"]),
        (&json!(["serial  state.divider"]), &json!("1 field"), &json!(true))
    );
    assert_eq!(shown["bytes"], json!(format!("{:02x}{:02x}", stream.bytes[offset], stream.bytes[offset + 1])));
    assert!(shown["facts"].as_str().unwrap().contains(&format!("{offset:#x} in the stream")), "{shown}");
    assert_eq!((&shown["back"], &shown["none"]), (&json!([false, "", "divider"]), &json!([0, "0 fields"])));
}

/// Hovering each value of a device marks its bytes in the stream.
#[test]
fn each_field_marks_its_own_bytes() {
    let folder = Folder::new();
    let stream = streams::named("qemu-7.2-microvm");
    let file = folder.put("in", &stream.bytes);
    let shown = run(
        &page(&[&file]),
        WIDE,
        "for (let opened = 0; opened !== rows('#tree').length;) {
             opened = rows('#tree').length;
             rows('#tree').map((row) => row.item).filter((item) => !item.node || item.node[INSIDE].length).forEach(open);
         }
         return rows('#tree').filter((row) => row.item.node).map((row) => {
             row.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }));
             return [row.item.section.name, row.querySelector('.offset').textContent, marked(0)];
         });",
    );
    let rows = shown.as_array().unwrap();
    assert!(rows.len() > 200, "{}", rows.len());
    let dump = json_of(&vmstate(["dump", "--json", &file]));
    let mut found = Vec::new();
    objects(&dump, &mut found);
    let offsets: Vec<_> =
        found.iter().filter(|object| !object["type"].is_null()).map(|object| number(object, "offset")).collect();
    for row in rows {
        let offset = usize::from_str_radix(row[1].as_str().unwrap(), 16).unwrap();
        let bytes = row[2].as_str().unwrap();
        let expected: String =
            stream.bytes[offset..offset + bytes.len() / 2].iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(bytes == expected && !bytes.is_empty(), "{row}");
    }
    let shown: Vec<_> = rows.iter().map(|row| usize::from_str_radix(row[1].as_str().unwrap(), 16).unwrap()).collect();
    assert!(offsets.iter().all(|offset| shown.contains(offset)), "every dumped field is shown");
}

#[test]
fn bytes_select_their_field_by_mouse_and_keyboard() {
    let shown = run(
        &page_of(&["qemu-10.0-pc"]),
        WIDE,
        "const outcome = {};
         map.querySelector('[title^=\"i8254,\"]').click();
         outcome.tile = [chosenRow().item.section.name, chosenRow().getAttribute('aria-expanded')];
         const byte = Array.from(document.querySelectorAll('.dump b')).find((byte) => byte.dataset.at === '40');
         byte.click();
         outcome.byte = [chosenRow().item.path, chosenRow().item.node[SIDES][0][OFFSET] <= 40];
         $('close-all').click();
         document.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true }));
         outcome.slash = document.activeElement.id;
         press('ArrowDown');
         press('ArrowDown');
         outcome.second = document.activeElement.item.section.name;
         press('ArrowRight');
         press('ArrowDown');
         outcome.inside = [document.activeElement.item.path, marked(0).length / 2];
         press('ArrowLeft');
         press('ArrowLeft');
         outcome.closed = [document.activeElement.item.path, document.activeElement.getAttribute('aria-expanded')];
         outcome.focusable = document.querySelectorAll('#tree [tabindex=\"0\"]').length;
         return outcome;",
    );
    assert_eq!(shown["tile"], json!(["i8254", "true"]));
    assert_eq!(shown["byte"][1], json!(true));
    assert!(shown["byte"][0].as_str().unwrap().starts_with("channels[1]."), "{shown}");
    assert_eq!((&shown["slash"], &shown["second"]), (&json!("search"), &json!("timer")));
    assert_eq!((&shown["inside"], &shown["closed"]), (&json!(["cpu_ticks_offset", 8]), &json!(["", "false"])));
    assert_eq!(shown["focusable"], json!(1));
}

/// The page marks the differences of `vmstate diff`, in the same order.
#[test]
fn differences_are_marked() {
    for machine in ["pc", "virt", "uno", "spike"] {
        let folder = Folder::new();
        let streams = [format!("qemu-7.2-{machine}"), format!("qemu-10.0-{machine}")];
        let [old, new] = streams.map(|name| folder.put(&name, &streams::named(&name).bytes));
        let shown = run(
            &page(&[&old, &new]),
            WIDE,
            "const fields = [];
             // Fields in a section that only one stream contains are not separate differences.
             const isWhole = ({ node }) => node && node[STATE] > 1;
             for (const { section, node, parent, path } of everyItem()) if (node && node[STATE] && !isWhole(parent)) fields.push([section.name, path, states[node[STATE]]]);
             const tiles = Array.from(map.querySelectorAll('button:not(.same)'), (tile) => tile.title).length;
             $('only').click();
             return { fields, tiles, sections: rows('#tree').map(({ item }) => [item.section.name, states[item.section.state]]),
                 numbers: $('numbers').textContent };",
        );
        let text = vmstate(["diff", "--json", &old, &new]).answer(1);
        let diff: Value = serde_json::from_str(&text).unwrap();
        let configuration = Some(&diff["configuration"]).filter(|section| section.is_object());
        let sections: Vec<_> = configuration.into_iter().chain(diff["sections"].as_array().unwrap()).collect();
        let named: Vec<_> = sections.iter().map(|section| json!([section["name"], section["change"]])).collect();
        assert_eq!(shown["sections"], json!(named), "{machine}");
        assert_eq!(shown["tiles"], json!(sections.len()), "{machine}");

        let both = sections.iter().filter(|section| section["change"] == "changed");
        let expected: Vec<_> = both
            .flat_map(|section| section["fields"].as_array().unwrap().iter().map(|field| (&section["name"], field)))
            .collect();
        let is_changed = |field: &&Value| {
            sections.iter().any(|section| section["name"] == field[0] && section["change"] == "changed")
        };
        let fields: Vec<_> = shown["fields"].as_array().unwrap().iter().filter(is_changed).collect();
        assert_eq!(fields.len(), expected.len(), "{machine}: {fields:?}\n{expected:?}");
        for (field, (section, expected)) in fields.iter().zip(expected) {
            let change = match expected["change"].as_str().unwrap() {
                "value" | "elements" => "changed",
                other => other,
            };
            assert_eq!((&field[0], &field[2]), (section, &json!(change)), "{field} {expected}");
            let (path, expected) = (field[1].as_str().unwrap(), expected["path"].as_str().unwrap());
            assert!(path == expected || path.ends_with(&format!(".{expected}")), "{path} {expected}");
        }
    }
}

#[test]
fn identical_streams_have_no_marks() {
    let shown = run(
        &page_of(&["qemu-10.0-q35", "qemu-10.0-q35"]),
        WIDE,
        "let marks = 0;
         for (const { section, node } of everyItem()) marks += node ? node[STATE] + node[CHANGES] : section.state + section.changes;
         return { marks, tiles: map.querySelectorAll('button:not(.same)').length, numbers: $('numbers').textContent };",
    );
    assert_eq!(shown, json!({"marks": 0, "tiles": 0, "numbers": "0differences"}));
}

#[test]
fn inserted_script_does_not_run() {
    let page = page_of(&["qemu-7.2-uno"]);
    let inserted = page.replacen("<noscript>", "<script>seen.push('inserted')</script><noscript>", 1);
    assert_ne!(page, inserted);
    let seen = run(&inserted, WIDE, "return seen.splice(0);");
    assert_eq!(seen, json!(["script-src-elem"]), "the policy permits one script, by its hash");
}

#[test]
fn hostile_names_are_shown_as_text() {
    let folder = Folder::new();
    let file = folder.put("in", &hostile());
    for files in [&[file.as_str()][..], &[&file, &file]] {
        let shown = run(
            &page(files),
            WIDE,
            "rows('#tree')[0].click();
             rows('#tree')[1].click();
             const path = $('bytes').querySelector('.path').textContent;
             await type('hostile');
             return { names: names('#tree'), path, tile: map.firstChild.title, found: rows('#results').length,
                 made: document.querySelectorAll('img').length };",
        );
        assert_eq!(shown["names"], json!([HOSTILE, HOSTILE, "[0]", "[1]", "[2]", "b"]));
        assert!(
            shown["path"].as_str().unwrap().contains(HOSTILE) && shown["tile"].as_str().unwrap().starts_with(HOSTILE)
        );
        assert_eq!((&shown["found"], &shown["made"]), (&json!(2), &json!(0)));
    }
}
