//! Chains of files that were written by hand.

use std::os::unix::fs::FileExt;

use super::*;
use crate::memory::DirtyBitmap;

const PAGE: u64 = 4096;
const PAGES: u64 = 200;
const BITMAP: u64 = 512;
const FIRST: u64 = 8192;
const END: u64 = FIRST + PAGES * PAGE + 100;

fn places(covered: Option<u64>, changes: &[(&str, u64)]) -> BlockPlaces {
    let mut value = serde_json::json!({
        "name": "ram", "size": PAGES * PAGE, "page_size": PAGE, "bitmap": BITMAP, "pages": FIRST,
    });
    if let Some(place) = covered {
        value["covered"] = place.into();
    }
    changes.iter().for_each(|(name, number)| value[name] = (*number).into());
    serde_json::from_value(value).unwrap()
}

fn bitmap(pages: impl IntoIterator<Item = u64>) -> DirtyBitmap {
    let bitmap = DirtyBitmap::new(PAGES);
    pages.into_iter().for_each(|page| {
        bitmap.insert(page);
    });
    bitmap
}

/// A file with these pages, filled with `content`. It decides about the pages in `covered`, or about all.
fn link(content: u8, present: &DirtyBitmap, covered: Option<&DirtyBitmap>) -> Link {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(if covered.is_some() { b"QEVD" } else { b"QEVM" }, 0).unwrap();
    file.write_all_at(&[content; 100], END - 100).unwrap();
    file.write_all_at(&bytes_of(present), BITMAP).unwrap();
    for page in present.runs().flatten() {
        file.write_all_at(&[content; PAGE as usize], FIRST + page * PAGE).unwrap();
    }
    if let Some(covered) = covered {
        file.write_all_at(&bytes_of(covered), END + 4).unwrap();
    }
    let stream = covered.map(|_| END);
    Link { file, stream, blocks: vec![places(covered.map(|_| END + 4), &[])] }
}

/// Three files: page 0 is only in the first one, page 7 was cleared by the second, and so on.
fn three() -> Vec<Link> {
    let last = link(3, &bitmap([5, 64, 130]), Some(&bitmap([5, 64, 130, 199])));
    let middle = link(2, &bitmap([5, 6, 199]), Some(&bitmap([5, 6, 7, 199])));
    vec![last, middle, link(1, &bitmap((0..PAGES).filter(|page| page % 2 == 0 || *page == 7 || *page == 199)), None)]
}

fn expected(page: u64) -> u8 {
    match page {
        5 | 64 | 130 => 3,
        6 => 2,
        7 | 199 => 0,
        page if page % 2 == 0 => 1,
        _ => 0,
    }
}

fn content(chain: &Arc<Chain>) -> Vec<u8> {
    let mut bytes = Vec::new();
    ChainReader::new(chain.clone()).read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn pages_come_from_the_last_file_that_covers_them() {
    let (chain, covered) = Chain::new(three(), Pages::All).unwrap();
    assert_eq!(covered, [bytes_of(&DirtyBitmap::full(PAGES))]);
    let chain = Arc::new(chain);
    let bytes = content(&chain);
    assert_eq!((bytes.len() as u64, &bytes[..4]), (END, &b"QEVM"[..]));
    assert!(bytes[END as usize - 100..].iter().all(|byte| *byte == 3));
    for page in 0..PAGES {
        let start = (FIRST + page * PAGE) as usize;
        let found = &bytes[start..start + PAGE as usize];
        assert!(found.iter().all(|byte| *byte == expected(page)), "page {page}: {}", found[0]);
    }
    let present = bitmap((0..PAGES).filter(|page| expected(*page) != 0));
    assert_eq!(bytes[BITMAP as usize..][..32], bytes_of(&present)[..]);

    // Reads at any place return the same, and so does a copy, whose zero pages are holes.
    for start in (0..END).step_by(3001) {
        let mut buffer = vec![0; 9000.min((END - start) as usize)];
        chain.read_exact_at(&mut buffer, start).unwrap();
        assert!(buffer == bytes[start as usize..][..buffer.len()], "{start}");
    }
    chain.read_exact_at(&mut [0; 101], END - 100).unwrap_err();
    let copy = tempfile::tempfile().unwrap();
    chain.copy_to(&copy).unwrap();
    let mut copied = vec![0; bytes.len()];
    copy.read_exact_at(&mut copied, 0).unwrap();
    assert!(copied == bytes && copy.metadata().unwrap().len() == END);
    let mut reader = ChainReader::new(chain);
    assert_eq!(reader.seek(SeekFrom::End(-1)).unwrap(), END - 1);
    assert_eq!(reader.seek(SeekFrom::Current(-END.cast_signed() + 1)).unwrap(), 0);
    reader.seek(SeekFrom::Current(-1)).unwrap_err();
}

#[test]
fn changes_of_several_files_are_combined() {
    let mut links = three();
    links.truncate(2);
    let (chain, covered) = Chain::new(links, Pages::Changes).unwrap();
    assert_eq!(covered, [bytes_of(&bitmap([5, 6, 7, 64, 130, 199]))]);
    let bytes = content(&Arc::new(chain));
    assert_eq!(&bytes[..4], b"QEVD");
    assert_eq!(bytes[BITMAP as usize..][..32], bytes_of(&bitmap([5, 6, 64, 130]))[..]);
    let mut links = three();
    links.truncate(2);
    let error = Chain::new(links, Pages::All).unwrap_err();
    assert_eq!(error, "no base contains all pages of RAM block `ram`");
}

#[test]
fn invalid_places_are_rejected() {
    let huge = 1 << 50;
    for (changes, expected) in [
        (&[("size", 4097)][..], "invalid size"),
        (&[("size", huge)], "invalid size"),
        (&[("page_size", 0)], "invalid size"),
        (&[("page_size", 4095)], "invalid size"),
        (&[("size", 1 << 40)], "cannot read a bitmap"),
        (&[("bitmap", u64::MAX)], "cannot read a bitmap"),
        (&[("bitmap", END)], "cannot read a bitmap"),
        (&[("pages", u64::MAX)], "overlaps other memory"),
        (&[("pages", 0)], "overlaps other memory"),
        (&[("pages", END)], "exceeds the file"),
        (&[("bitmap", FIRST)], "overlaps other memory"),
    ] {
        let mut first = link(1, &bitmap([1]), None);
        first.blocks = vec![places(None, changes)];
        let error = Chain::new(vec![first], Pages::All).unwrap_err();
        assert!(error.contains(expected), "{changes:?}: {error}");
    }
    let mut links = three();
    links[1].blocks = vec![places(Some(END + 4), &[("size", PAGE)])];
    let error = Chain::new(links, Pages::All).unwrap_err();
    assert_eq!(error, "a base lacks RAM block `ram`");
    let mut links = three();
    links[0].stream = Some(u64::MAX);
    let (chain, _) = Chain::new(links, Pages::All).unwrap();
    assert!(ChainReader::new(Arc::new(chain)).read_to_end(&mut Vec::new()).is_err(), "the file is shorter");
}
