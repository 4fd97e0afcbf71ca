//! Comparison of a stream's configuration with the machine's.

use std::fmt::Display;

use vmstate_types::LoadError;
use vmstate_types::error::LoadErrorKind;

use crate::stream::Configuration;

/// The capability of files in which guest memory has fixed places.
const MAPPED_RAM: &str = "mapped-ram";

/// Returns the configuration of the same machine in a file in which guest memory has fixed places.
pub(super) fn with_mapped_ram(mut configuration: Configuration) -> Configuration {
    let capabilities = configuration.capabilities.get_or_insert_default();
    if !capabilities.iter().any(|name| name == MAPPED_RAM) {
        capabilities.push(MAPPED_RAM.to_owned());
    }
    configuration
}

/// Checks that the stream's configuration matches ours (`configuration_post_load` in `migration/savevm.c`). With
/// `mapped_ram`, the stream may have that capability.
pub(super) fn check(ours: &Configuration, theirs: Option<&Configuration>, mapped_ram: bool) -> Result<(), LoadError> {
    let Some(theirs) = theirs else {
        return Err(mismatch(format!("the configuration of `{}`", ours.machine), "no configuration")
            .or_advice("if the source omits it on purpose, set `LoadOptions::ignore_machine_type`")
            .with_qemu_message("Configuration section missing"));
    };
    check_machine(ours, theirs)?;
    check_page_bits(ours, theirs)?;
    check_capabilities(ours, theirs, mapped_ram)?;
    check_uuid(ours, theirs)
}

fn mismatch(expected: String, found: impl Display) -> LoadError {
    LoadError::new(LoadErrorKind::MachineMismatch, expected, found)
}

fn check_machine(ours: &Configuration, theirs: &Configuration) -> Result<(), LoadError> {
    let local = &ours.machine;
    let received = &theirs.machine;
    if local == received {
        return Ok(());
    }
    Err(mismatch(format!("machine type `{local}`"), format!("`{}`", received.escape_debug()))
        .or_advice("start the destination with the machine type of the source")
        .with_qemu_message(format!("Machine type received is '{received}' and local is '{local}'")))
}

fn check_page_bits(ours: &Configuration, theirs: &Configuration) -> Result<(), LoadError> {
    let local = ours.target_page_bits;
    let received = theirs.target_page_bits;
    if local == received {
        return Ok(());
    }
    let text =
        |bits: Option<u32>| bits.map_or("the smallest page size".to_owned(), |bits| format!("pages of 2^{bits} bytes"));
    // QEMU prints 0 for a stream without the subsection.
    let bits = |bits: Option<u32>| bits.unwrap_or(0);
    Err(mismatch(text(local), text(received)).with_qemu_message(format!(
        "Received TARGET_PAGE_BITS is {} but local is {}",
        bits(received),
        bits(local)
    )))
}

fn check_capabilities(ours: &Configuration, theirs: &Configuration, mapped_ram: bool) -> Result<(), LoadError> {
    let local = capabilities(ours);
    let received = capabilities(theirs);
    let is_free = |name: &str| mapped_ram && name == MAPPED_RAM;
    let differs = |name: &&String| local.contains(name) != received.contains(name) && !is_free(name);
    let Some(name) = local.iter().chain(&received).find(differs) else { return Ok(()) };
    let state = |names: &[String]| if names.contains(name) { "on" } else { "off" };
    let message = format!("Capability {name} is {}, but received capability is {}", state(&local), state(&received));
    Err(LoadError::new(LoadErrorKind::Capability, list(&local), list(&received))
        .or_advice("set the same migration capabilities on source and destination")
        .with_qemu_message(message))
}

fn capabilities(configuration: &Configuration) -> Vec<String> {
    let mut names = configuration.capabilities.clone().unwrap_or_default();
    names.sort_unstable();
    names
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "no capabilities".to_owned()
    } else {
        format!("the capabilities {}", names.join(", ").escape_debug())
    }
}

/// As in QEMU, a UUID has to match only if both machines have one.
fn check_uuid(ours: &Configuration, theirs: &Configuration) -> Result<(), LoadError> {
    let (Some(local), Some(received)) = (ours.uuid, theirs.uuid) else { return Ok(()) };
    if local == received {
        return Ok(());
    }
    let local = uuid_text(local);
    let received = uuid_text(received);
    let message = format!("UUID received is {received} and local is {local}");
    Err(mismatch(format!("UUID {local}"), received).with_qemu_message(message))
}

/// Formats a UUID as `01234567-89ab-cdef-0123-456789abcdef`.
fn uuid_text(uuid: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(ours: &Configuration, theirs: &Configuration) -> String {
        check(ours, Some(theirs), false).unwrap_err().qemu_message().unwrap().to_owned()
    }

    #[test]
    fn differences_have_qemu_messages() {
        let ours = Configuration::new("virt");
        check(&ours, Some(&ours), false).unwrap();
        assert_eq!(check(&ours, None, false).unwrap_err().qemu_message(), Some("Configuration section missing"));
        assert_eq!(
            rejection(&ours, &Configuration::new("virt-7.2")),
            "Machine type received is 'virt-7.2' and local is 'virt'"
        );
        let pages = Configuration { target_page_bits: Some(12), ..ours.clone() };
        assert_eq!(rejection(&ours, &pages), "Received TARGET_PAGE_BITS is 12 but local is 0");
        let shared = Configuration { capabilities: Some(vec!["x-ignore-shared".into()]), ..ours.clone() };
        let text = "Capability x-ignore-shared is off, but received capability is on";
        assert_eq!(rejection(&ours, &shared), text);
        assert_eq!(rejection(&shared, &ours), "Capability x-ignore-shared is on, but received capability is off");
        check(&Configuration { capabilities: Some(Vec::new()), ..ours.clone() }, Some(&ours), false).unwrap();
    }

    #[test]
    fn different_capabilities_are_listed_in_order() {
        let ours = Configuration::new("virt");
        let names = ["multifd", "events", "xbzrle"].map(str::to_owned).to_vec();
        let theirs = Configuration { capabilities: Some(names), ..ours.clone() };
        let error = check(&ours, Some(&theirs), false).unwrap_err();
        assert_eq!(error.expected(), "no capabilities");
        assert_eq!(error.found(), "the capabilities events, multifd, xbzrle");
        let text = "Capability events is off, but received capability is on";
        assert_eq!(error.qemu_message(), Some(text));
    }

    #[test]
    fn places_of_memory_are_optional_if_both_are_loaded() {
        let plain = Configuration::new("virt");
        let mapped = Configuration { capabilities: Some(vec![MAPPED_RAM.into()]), ..plain.clone() };
        for (ours, theirs) in [(&plain, &mapped), (&mapped, &plain)] {
            check(ours, Some(theirs), false).unwrap_err();
            check(ours, Some(theirs), true).unwrap();
        }
        let shared = Configuration { capabilities: Some(vec!["x-ignore-shared".into()]), ..plain.clone() };
        check(&plain, Some(&shared), true).unwrap_err();
    }

    #[test]
    fn mapped_ram_is_added_once() {
        let capabilities = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let configuration = Configuration { capabilities: Some(names), ..Configuration::new("virt") };
            with_mapped_ram(configuration).capabilities.unwrap()
        };
        assert_eq!(capabilities(&[]), ["mapped-ram"]);
        assert_eq!(capabilities(&["mapped-ram"]), ["mapped-ram"]);
        assert_eq!(capabilities(&["multifd"]), ["multifd", "mapped-ram"]);
    }

    #[test]
    fn uuid_matters_only_if_both_have_one() {
        let ours = Configuration::new("virt");
        let uuid = |last| Configuration {
            uuid: Some([0xab, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, last]),
            ..ours.clone()
        };
        check(&ours, Some(&uuid(1)), false).unwrap();
        check(&uuid(1), Some(&ours), false).unwrap();
        assert_eq!(
            rejection(&uuid(1), &uuid(2)),
            "UUID received is ab000102-0304-0506-0708-090a0b0c0d02 and local is ab000102-0304-0506-0708-090a0b0c0d01"
        );
    }
}
