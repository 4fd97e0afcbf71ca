//! The page about a recorded migration, in a browser.

use std::time::Duration;

use serde_json::{Value, json};
use vmstate::migration::Side;
use vmstate::migration::conversation::{Entry, EntryEvent, Explainer, Explanation};
use vmstate::report::timeline;
use vmstate_tests::browser::run_in;
use vmstate_tests::conversations::{explain, file};
use vmstate_tests::report::HOSTILE;

/// Returns the numbers of drawn and listed parts, and places outside of the drawing.
const COUNTS: &str = "
    const count = (selector) => document.querySelectorAll(selector).length;
    const svg = document.querySelector('svg').getBoundingClientRect();
    const outside = Array.from(document.querySelectorAll('svg rect, svg text'), (part) => part.getBoundingClientRect())
        .filter((part) => part.left < svg.left - 1 || part.right > svg.right + 1 || part.top < svg.top - 1 || part.bottom > svg.bottom + 1);
    return {
        title: document.title, outcome: document.querySelector('h1').textContent,
        states: count('svg .state'), passes: count('svg .pass'), links: count('svg .connection'), traffic: count('svg .traffic'),
        cause: count('svg .cause'), rows: [count('tr.pass'), count('tr.link'), count('tr.moment')],
        outside: outside.length, overflow: document.documentElement.scrollWidth - innerWidth,
        scripts: count('body script, svg script, body img, body a'), text: document.body.textContent,
    };";

fn shown(name: &str, explanation: &Explanation, width: u32) -> Value {
    run_in(&timeline::html(name, explanation), (width, 900), COUNTS)
}

#[test]
fn timelines_show_all_states_passes_and_connections() {
    for (name, width) in [
        ("qemu-10.0-passes", 1400),
        ("qemu-10.0-recovered", 420),
        ("qemu-11.1-multifd", 900),
        ("qemu-11.1-refused", 1400),
    ] {
        let explanation = explain(&file(name));
        let shown = shown(name, &explanation, width);
        let states = explanation.source.states.len() + explanation.destination.states.len();
        let (passes, links) = (explanation.passes.len(), explanation.connections.len());
        assert_eq!((&shown["title"], &shown["outcome"]), (&json!(name), &json!(explanation.outcome.name())));
        assert_eq!(
            (&shown["states"], &shown["passes"], &shown["links"]),
            (&json!(states), &json!(passes), &json!(links))
        );
        assert_eq!(shown["rows"], json!([passes, links, explanation.moments.len()]), "{name}");
        let traffic = explanation.traffic.bytes.iter().filter(|bytes| **bytes > 0).count();
        assert_eq!(
            (&shown["traffic"], &shown["cause"]),
            (&json!(traffic), &json!(usize::from(explanation.cause.is_some())))
        );
        assert_eq!((&shown["outside"], &shown["scripts"]), (&json!(0), &json!(0)), "{name}: {shown}");
        assert!(shown["overflow"].as_i64().unwrap() <= 0, "{name}: {shown}");
    }
}

/// Names and messages of peers are text: nothing of them runs, and nothing is loaded.
#[test]
fn hostile_names_are_text() {
    let name = HOSTILE.as_bytes();
    let length = u8::try_from(name.len()).expect("a short name");
    let machine = [b"QEVM\0\0\0\x03\x07\0\0\0".as_slice(), &[length], name].concat();
    let section = [b"\x01\0\0\0\x09".as_slice(), &[length], name, b"\0\0\0\0\0\0\0\x01"].concat();
    let mut explainer = Explainer::new();
    for event in [
        EntryEvent::Connected,
        EntryEvent::Bytes(Side::Source, &machine),
        EntryEvent::Bytes(Side::Source, &section),
        EntryEvent::Lost(Side::Destination, HOSTILE),
    ] {
        explainer.entry(&Entry { at: Duration::from_millis(1), connection: 0, event });
    }
    let shown = shown(HOSTILE, &explainer.explain(), 1400);
    assert_eq!((&shown["title"], &shown["scripts"]), (&json!(HOSTILE), &json!(0)));
    assert!(shown["text"].as_str().unwrap().matches(HOSTILE).count() >= 4, "{shown}");
}
