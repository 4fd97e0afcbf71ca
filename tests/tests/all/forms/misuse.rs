//! The forms and their misuse in `compile-fail`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use vmstate::prelude::*;
use vmstate_tests::forms::{Form, Property, check};

/// The page and the section of forms in the book of attributes, a case, and a source text that its messages underline.
const MISUSES: [(&str, &str, &str, &str); 40] = [
    ("types", "String", "types/values", "String"),
    ("types", "Box<str>", "types/values", "Box"),
    ("types", "char", "types/values", "char"),
    ("types", "u128", "types/values", "u128"),
    ("types", "i128", "types/values", "i128"),
    ("types", "(A, B)", "types/values", "(u8, usize)"),
    ("types", "(A, B)", "types/values", "(u8, u8, u8, u8, u8, u8, u8)"),
    ("types", "Range<T>", "types/values", "Range<usize>"),
    ("types", "Duration", "types/values", "Duration"),
    ("types", "()", "types/values", "()"),
    ("types", "PhantomData<T>", "types/values", "PhantomData<u8>"),
    ("composed", "Sequence", "composed/no-collection", "Sequence<4>"),
    ("composed", "Sequence", "composed/foreign", "ArrayVec<u8, 4>"),
    ("composed", "Sequence", "composed/foreign", "heapless::Vec<u8, 4>"),
    ("composed", "Sequence", "composed/foreign", "heapless::Deque<u8, 4>"),
    ("composed", "Sequence", "composed/foreign", "SmallVec<[u8; 4]>"),
    ("composed", "Sequence", "composed/foreign", "TinyVec<[u8; 4]>"),
    ("composed", "Sequence", "composed/foreign", "Bytes"),
    ("composed", "Map", "composed/no-collection", "Map<4>"),
    ("composed", "Maybe", "composed/no-collection", "Maybe"),
    ("composed", "Pair", "composed/no-pair", "Pair"),
    ("composed", "Pair", "composed/no-pair", "Pair<Text<8>, Maybe>"),
    ("composed", "As", "composed/no-number", "Sequence<4, As<u8>>"),
    ("composed", "Ends", "composed/no-range", "Ends"),
    ("composed", "Ends", "types/values", "RangeInclusive<u8>"),
    ("composed", "Boxed", "composed/no-box", "Boxed<As<u32>>"),
    ("composed", "Text", "composed/no-collection", "Text<4>"),
    ("values", "equal", "types/equal", "Line"),
    ("values", "option", "collections/option", "option"),
    ("values", "versioned", "types/versioned", "u8"),
    ("values", "through", "functions/through-types", "Self::seed"),
    ("structs", "Enums", "enums/all", "NoNumber"),
    ("structs", "repr", "enums/foreign-repr", "tag"),
    ("structs", "Enums with fields", "enums/tagged", "NoNumber"),
    ("structs", "variant", "enums/tagged", "variant"),
    ("structs", "versions", "versions/parent", "child"),
    ("structs", "Attributes on the type", "types/encoded", "NoInfo"),
    ("structs", "Generics", "types/bound", "Inferred<NoForm>"),
    ("structs", "bound", "types/bound", "\"T Wire\""),
    ("places", "inline", "places/inline", "u8"),
];

/// Returns the source texts that the messages of a case underline.
fn underlined(case: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("compile-fail").join(case).with_extension("stderr");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{case}: {error}"));
    let lines: Vec<_> = text.lines().filter_map(|line| line.split_once(" | ").or(line.split_once(" |"))).collect();
    let numbered = |before: &str| before.trim().parse::<u32>().is_ok();
    let pairs = lines.windows(2).filter(|pair| numbered(pair[0].0) && pair[1].0.trim().is_empty());
    pairs.filter_map(|pair| carets(pair[1].1).and_then(|place| pair[0].1.get(place)).map(str::to_owned)).collect()
}

/// Returns the columns of the first carets.
fn carets(line: &str) -> Option<std::ops::Range<usize>> {
    let start = line.find('^')?;
    let length = line[start..].find(|char| char != '^').unwrap_or(line.len() - start);
    Some(start..start + length)
}

/// Collects the sections of the forms.
#[derive(Default)]
struct Sections(RefCell<BTreeSet<(&'static str, &'static str)>>);

impl Property for Sections {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        self.0.borrow_mut().insert((form.page, form.heading));
        let known = MISUSES.iter().any(|(page, heading, ..)| (*page, *heading) == (form.page, form.heading));
        assert!(known, "no case of misuse for the section `{}` of `{}`", form.heading, form.page);
    }
}

#[test]
fn every_form_has_a_case_of_misuse() {
    let sections = Sections::default();
    check(&sections);
    let sections = sections.0.into_inner();
    for (page, heading, ..) in MISUSES {
        assert!(sections.contains(&(page, heading)), "no form for the section `{heading}` of `{page}`");
    }
}

#[test]
fn messages_underline_the_misused_form() {
    for (_, heading, case, text) in MISUSES {
        let underlined = underlined(case);
        assert!(underlined.contains(text), "{case}: the misuse of `{heading}` underlines {underlined:?}");
    }
}
