//! Structs that `vmstate::import` writes: they compile, and write the stream that they were made of.

use vmstate::Reader;
use vmstate::dynamic::DecodedSection;
use vmstate::import::Importer;
use vmstate::schema::Release;
use vmstate::schema::vmdesc::{Document, Located, locate};
use vmstate_tests::import::{all, importer, made};
use vmstate_tests::streams;

#[test]
fn every_section_has_a_struct() {
    for stream in all() {
        let source = importer(&stream).source();
        let missing = source.lines().find(|line| line.contains("Missing, because"));
        assert_eq!(missing, None, "{}", stream.name);
    }
}

/// Comments mark facts that the stream does not contain.
#[test]
fn guesses_are_marked() {
    let [old, new] = [Release::Qemu7_2, Release::Qemu10_0].map(|release| importer(&made::stream(release)).source());
    for (part, sources) in [
        ("and so is the counter: it matches the values in the stream.\n", vec![&old, &new]),
        ("#[vmstate(buffer(len = size, max = 16))]\n", vec![&old, &new]),
        ("/// The target of a pointer in [`Pointers`]. Check: the stream contains its bytes,", vec![&old]),
        ("it is empty in the stream, so its element type is unknown;", vec![&old, &new]),
        ("here, it is present if `disk` is not zero.", vec![&old, &new]),
        ("is compared with the local value, which differs between the stream's sections.", vec![&old, &new]),
        ("matches!(index, 3).then(Box::default)", vec![&old, &new]),
    ] {
        for source in sources {
            let checks = source.lines().filter(|line| line.contains("Check:")).collect::<Vec<_>>();
            assert!(source.contains(part), "{part}\n{checks:#?}");
        }
    }
}

#[test]
fn counter_of_empty_array_is_marked() {
    let text = concat!(
        r#"{"page_size": 4096, "devices": [{"name": "nic", "instance_id": 0, "vmsd_name": "nic", "version": 1, "#,
        r#""fields": [{"name": "mtu", "type": "uint16", "size": 2}, {"name": "num_rings", "type": "uint16", "size": 2}]}]}"#,
    );
    let document = Document::parse(text.as_bytes(), 0).unwrap();
    let section = DecodedSection::decode(&document.devices[0], &mut Reader::from_slice(&[0; 4]), None).unwrap();
    let mut importer = Importer::new("vm.state");
    importer.section(&section);
    let source = importer.source();
    let comment = "    // Check: it is 0 here. If it counts an array, the array is missing in the stream.\n    pub num_rings: u16,\n";
    assert!(source.contains(comment) && source.matches("it is 0 here").count() == 1, "{source}");
}

/// A stream with one changed byte is rejected or imported, without panics.
#[test]
fn damaged_stream_is_rejected_or_imported() {
    for name in ["qemu-7.2-uno", "qemu-10.0-none"] {
        let stream = streams::named(name).bytes;
        let (mut refused, mut imported) = (0, 0);
        for (place, flip) in (0..stream.len()).step_by(19).flat_map(|place| [(place, 1), (place, 0x80)]) {
            let mut bytes = stream.clone();
            bytes[place] ^= flip;
            let Located::At(start) = locate(&bytes) else { continue };
            let Ok(document) = Document::parse(&bytes[start..], start as u64) else { continue };
            let mut importer = Importer::new(name);
            match importer.stream(&mut Reader::from_slice(&bytes), document) {
                Ok(()) => imported += usize::from(importer.program().contains("pub fn reload")),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > 10 && imported > 10, "{name}: {refused} rejected, {imported} imported");
    }
}

/// The beginning of the source for a well-known machine.
#[test]
fn imported_source_is_readable() {
    let source = importer(&streams::named("qemu-10.0-uno")).source();
    for part in [
        "//! The devices in `qemu-10.0-uno`, a stream of the machine `arduino-uno`.\n",
        "/// The device `cpu`.\n///\n/// Section `cpu` (instance 0, 146 bytes).\n",
        "#[vmstate(name = \"cpu\")]\npub struct Cpu {\n    #[vmstate(name = \"env.pc_w\")]\n    pub pc_w: u32,\n",
        "    #[vmstate(name = \"env.r\")]\n    pub r: [u32; 32],\n    #[vmstate(with = Sreg)]\n    pub env: u8,\n",
        "#[vmstate(name = \"timer\", version = 2)]\npub struct TimerState {\n",
        "pub unused: Unused<8>,\n",
        "#[vmstate(name = \"slirp\")]\npub struct Slirp {\n    #[vmstate(buffer)]\n    pub data: [u8; 131],\n}\n",
        "    RampD(u8) \"rampD\";\n",
    ] {
        assert!(source.contains(part), "{part}\n{source}");
    }
}

#[test]
fn equal_layouts_share_a_type() {
    let source = importer(&streams::named("qemu-10.0-pc")).source();
    assert_eq!(source.matches("pub struct PciDevice").count(), 1);
    assert!(source.matches(": PciDevice,").count() > 5, "{source}");
    // A present drive has additional fields.
    assert_eq!(source.matches("pub struct IdeDrive {").count(), 1);
    assert!(source.contains("// Check: here, it is present if `identify_set` is not zero.\n"));
    let source = importer(&streams::named("qemu-10.0-q35")).source();
    // Of PCI and of PCI Express.
    assert_eq!(source.matches("pub struct PciDevice").count(), 2);
}

/// Names come from the stream. They must not end the comment that contains them and continue as code.
#[test]
fn names_cannot_inject_code() {
    let name = "latch\\n\\nfn evil() {} //\\r";
    let text = format!(
        r#"{{"page_size": 4096, "devices": [{{"name": "{name}", "instance_id": 0, "vmsd_name": "{name}", "version": 1,
            "fields": [{{"name": "{name} count", "type": "uint8", "size": 1}},
                       {{"name": "{name}", "array_len": 2, "type": "uint8", "size": 1}}]}}]}}"#
    );
    let document = Document::parse(text.as_bytes(), 0).unwrap();
    let section = DecodedSection::decode(&document.devices[0], &mut Reader::from_slice(&[2, 1, 2]), None).unwrap();
    let mut importer = Importer::new("vm\nfn evil() {}");
    importer.section(&section);
    importer.section(&DecodedSection::undescribed("live\nfn evil() {}", 0, 0, vec![1]));
    for source in [importer.source(), importer.program()] {
        let file = syn::parse_file(&source).unwrap_or_else(|error| panic!("{error}\n{source}"));
        let evil = |item: &syn::Item| matches!(item, syn::Item::Fn(function) if function.sig.ident == "evil");
        assert!(!file.items.iter().any(evil), "{source}");
        assert!(source.contains("evil"), "the names are missing:\n{source}");
    }
}
