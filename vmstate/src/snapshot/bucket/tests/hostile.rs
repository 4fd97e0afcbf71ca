//! Objects that another program has written or damaged.

use serde_json::{Value, json};

use super::*;

/// Returns a bucket with the snapshots `a` and `b`, and the properties of `a`.
fn bucket() -> (Bucket, Vec<u8>) {
    let store = in_memory();
    save(&store, 1, Details::new("a").comment("é\n")).unwrap();
    save(&store, 2, "b").unwrap();
    let text = store.objects.get("snapshots/1.json", manifest::MAX_SIZE).unwrap().unwrap();
    (store, text)
}

/// Replaces the properties of `a`, which must neither panic nor affect `b`. Returns the error of loading `a`.
fn load_with(store: &Bucket, properties: &[u8]) -> Result<Vec<u8>, StoreError> {
    store.objects.put("snapshots/1.json", properties.to_vec()).unwrap();
    store.verify().unwrap();
    let listed = store.list().unwrap();
    assert!(listed.iter().any(|snapshot| snapshot.name == "b" && snapshot.id == "2"), "{listed:?}");
    listed.iter().for_each(|snapshot| drop(snapshot.utc_date()));
    load(store, "1")
}

#[test]
fn properties_truncated_at_any_byte_are_damaged() {
    let (store, text) = bucket();
    // The last byte is a line feed.
    for length in 0..text.len() - 1 {
        store.objects.put("snapshots/1.json", text[..length].to_vec()).unwrap();
        assert_eq!(names(&store), ["b"], "{length}");
        assert_eq!(store.collect().unwrap_err().kind(), StoreErrorKind::Damaged, "{length}: its chunks are unknown");
    }
    assert_eq!(load_with(&store, &text[..20]).unwrap_err().kind(), StoreErrorKind::NotFound);
    assert!(store.verify().unwrap()[0].path.ends_with("snapshots/1.json"));
    assert!(load_with(&store, &text).unwrap() == memory(1), "nothing was deleted");
    assert!(load(&store, "b").unwrap() == memory(2));
}

#[test]
fn changed_bytes_of_properties_are_harmless() {
    let (store, text) = bucket();
    for position in 0..text.len() {
        for byte in *b"9\"{}\xff" {
            let mut changed = text.clone();
            changed[position] = byte;
            store.objects.put("snapshots/1.json", changed.clone()).unwrap();
            let listed = store.list().unwrap();
            assert!(listed.iter().any(|snapshot| snapshot.id == "2"), "{listed:?}");
            // The list of chunks is named by its hash, so no other list fits the length.
            let manifest = store.manifest(1).ok().flatten();
            let chunks = manifest.map(|found| Chunks::read(&*store.objects, "a", &found.list, found.length));
            assert!(chunks.is_none_or(|chunks| chunks.is_err() || names(&store).len() == 2));
        }
    }
}

#[test]
fn forged_properties_are_rejected() {
    let (store, text) = bucket();
    let text: Value = serde_json::from_slice(&text).unwrap();
    let list = text["list"].as_str().unwrap();
    let keys = store.objects.list(chunks::FOLDER).unwrap();
    let chunk = keys.iter().filter_map(|key| key.strip_prefix("chunks/")).find(|chunk| *chunk != list).unwrap();
    let cases = [
        ("length", json!(u64::MAX), "does not fit a stream of 18446744073709551615 bytes"),
        ("length", json!(0), "does not fit a stream of 0 bytes"),
        ("list", json!("../snapshots/2.json"), "expected the name of a list of chunks"),
        ("list", json!(""), "expected the name of a list of chunks"),
        ("list", json!("é".repeat(64)), "expected the name of a list of chunks"),
        ("list", json!(list.to_uppercase()), "expected the name of a list of chunks"),
        ("list", json!(&list[1..]), "expected the name of a list of chunks"),
        ("list", json!(chunk), "does not fit a stream of"),
        ("list", json!("0".repeat(64)), "is missing"),
        ("format", json!(2), "does not exist"),
        ("name", json!(7), "does not exist"),
        ("date_nanoseconds", json!(-1), "does not exist"),
    ];
    for (key, value, expected) in cases {
        let mut forged = text.clone();
        forged[key] = value;
        let error = load_with(&store, forged.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected) && error.len() < 1000, "{key}: {error}");
    }
    for (key, value) in [
        ("size", json!(u64::MAX)),
        ("date_seconds", json!(u64::MAX)),
        ("date_seconds", json!(i64::MAX)),
        ("date_nanoseconds", json!(u32::MAX)),
        ("guest_clock_seconds", json!(u64::MAX)),
        ("replaces", json!(u64::MAX)),
        ("replaces", json!(1)),
        ("parent", json!("../1")),
    ] {
        let mut odd = text.clone();
        odd[key] = value;
        assert!(load_with(&store, odd.to_string().as_bytes()).unwrap() == memory(1), "{key}");
    }
}

#[test]
fn large_objects_are_rejected_before_they_are_read() {
    let (store, text) = bucket();
    let mut large = text.clone();
    large.resize(1 << 20, b' ');
    assert!(load_with(&store, &large).unwrap() == memory(1));
    large.push(b' ');
    assert_eq!(load_with(&store, &large).unwrap_err().kind(), StoreErrorKind::NotFound);
    let reason = &store.verify().unwrap()[0].reason;
    assert!(
        reason.contains("expected at most 1048576 bytes in `a b/%C3%BC/snapshots/1.json`, found 1048577"),
        "{reason}"
    );

    store.objects.put("snapshots/1.json", text).unwrap();
    let manifest = store.manifest(1).unwrap().unwrap();
    let mut keys = BTreeSet::new();
    Chunks::read(&*store.objects, "a", &manifest.list, manifest.length).unwrap().add_keys(&mut keys);
    let key = keys.first().unwrap();
    let chunk = store.objects.get(key, chunks::CHUNK).unwrap().unwrap();
    store.objects.put(key, [&chunk[..], &chunk].concat()).unwrap();
    let error = load(&store, "a").unwrap_err().to_string();
    assert!(error.contains("expected at most 2097152 bytes in") && error.contains(key), "{error}");
    for length in [0, 1, chunk.len() / 2, chunk.len() - 1] {
        store.objects.put(key, chunk[..length].to_vec()).unwrap();
        let error = load(&store, "a").unwrap_err().to_string();
        assert!(error.contains(&format!("the chunk `{key}` is damaged")), "{length}: {error}");
    }
    store.objects.put(key, chunk).unwrap();
    assert!(load(&store, "a").unwrap() == memory(1));
}

#[test]
fn list_of_chunks_truncated_at_any_byte_is_damaged() {
    let (store, _) = bucket();
    let key = chunks::list_key(&store.manifest(1).unwrap().unwrap().list);
    let list = store.objects.get(&key, chunks::CHUNK).unwrap().unwrap();
    for length in 0..list.len() {
        store.objects.put(&key, list[..length].to_vec()).unwrap();
        let error = load(&store, "a").unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Damaged);
        assert!(error.to_string().contains(&format!("the chunk `{key}` is damaged")), "{length}: {error}");
    }
    store.objects.delete(&key).unwrap();
    let error = load(&store, "a").unwrap_err().to_string();
    assert_eq!(error, format!("snapshot `a`: the chunk `{key}` is missing"));
    assert!(load(&store, "b").unwrap() == memory(2));
}
