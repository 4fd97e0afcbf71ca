//! Whether a stream is of this machine.

use std::fmt;

use vmstate_types::LoadError;
use vmstate_types::error::LoadErrorKind;

use crate::stream::Configuration;

/// Compares the stream's configuration with ours (`configuration_post_load` in `migration/savevm.c`).
pub(super) fn check(ours: &Configuration, theirs: Option<&Configuration>) -> Result<(), LoadError> {
    let Some(theirs) = theirs else {
        return Err(mismatch(format!("the configuration of `{}`", ours.machine), "no configuration")
            .or_advice(
                "if the other side sends none on purpose, allow any machine (`LoadOptions::ignore_machine_type`)",
            )
            .with_qemu_message("Configuration section missing"));
    };
    check_machine(ours, theirs)?;
    check_page_bits(ours, theirs)?;
    check_capabilities(ours, theirs)?;
    check_uuid(ours, theirs)
}

/// Creates the error for a stream of another machine.
fn mismatch(expected: String, found: impl fmt::Display) -> LoadError {
    LoadError::new(LoadErrorKind::MachineMismatch, expected, found)
}

fn check_machine(ours: &Configuration, theirs: &Configuration) -> Result<(), LoadError> {
    let (local, received) = (&ours.machine, &theirs.machine);
    match local == received {
        true => Ok(()),
        false => Err(mismatch(format!("the machine `{local}`"), format!("`{}`", received.escape_debug()))
            .or_advice("start this side as the machine that the stream is of")
            .with_qemu_message(format!("Machine type received is '{received}' and local is '{local}'"))),
    }
}

fn check_page_bits(ours: &Configuration, theirs: &Configuration) -> Result<(), LoadError> {
    let text =
        |bits: Option<u32>| bits.map_or("the smallest pages".to_owned(), |bits| format!("pages of 2^{bits} bytes"));
    let (local, received) = (ours.target_page_bits, theirs.target_page_bits);
    match local == received {
        true => Ok(()),
        false => Err(mismatch(text(local), text(received)).with_qemu_message(format!(
            "Received TARGET_PAGE_BITS is {} but local is {}",
            received.unwrap_or(0),
            local.unwrap_or(0)
        ))),
    }
}

fn check_capabilities(ours: &Configuration, theirs: &Configuration) -> Result<(), LoadError> {
    let set = |configuration: &Configuration| {
        let mut names = configuration.capabilities.clone().unwrap_or_default();
        names.sort_unstable();
        names
    };
    let text = |names: &[String]| match names {
        [] => "no capabilities".to_owned(),
        names => format!("the capabilities {}", names.join(", ").escape_debug()),
    };
    let (local, received) = (set(ours), set(theirs));
    match local.iter().chain(&received).find(|name| local.contains(name) != received.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let (here, there) = if local.contains(name) { ("on", "off") } else { ("off", "on") };
            Err(LoadError::new(LoadErrorKind::Capability, text(&local), text(&received))
                .or_advice("set the same migration capabilities on both sides")
                .with_qemu_message(format!("Capability {name} is {here}, but received capability is {there}")))
        }
    }
}

fn check_uuid(ours: &Configuration, theirs: &Configuration) -> Result<(), LoadError> {
    match (ours.uuid, theirs.uuid) {
        (Some(local), Some(received)) if local != received => {
            Err(mismatch(format!("the UUID {}", uuid_text(local)), uuid_text(received)).with_qemu_message(format!(
                "UUID received is {} and local is {}",
                uuid_text(received),
                uuid_text(local)
            )))
        }
        _ => Ok(()),
    }
}

/// `01234567-89ab-cdef-0123-456789abcdef`.
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

    fn refused(ours: &Configuration, theirs: &Configuration) -> String {
        check(ours, Some(theirs)).unwrap_err().qemu_message().unwrap().to_owned()
    }

    #[test]
    fn each_difference_is_said_as_qemu_says_it() {
        let ours = Configuration::new("virt");
        check(&ours, Some(&ours)).unwrap();
        assert_eq!(check(&ours, None).unwrap_err().qemu_message(), Some("Configuration section missing"));
        assert_eq!(
            refused(&ours, &Configuration::new("virt-7.2")),
            "Machine type received is 'virt-7.2' and local is 'virt'"
        );
        let pages = Configuration { target_page_bits: Some(12), ..ours.clone() };
        assert_eq!(refused(&ours, &pages), "Received TARGET_PAGE_BITS is 12 but local is 0");
        let shared = Configuration { capabilities: Some(vec!["x-ignore-shared".into()]), ..ours.clone() };
        assert_eq!(check(&ours, Some(&pages)).unwrap_err().kind(), LoadErrorKind::MachineMismatch);
        assert_eq!(check(&ours, Some(&shared)).unwrap_err().kind(), LoadErrorKind::Capability);
        let text = "Capability x-ignore-shared is off, but received capability is on";
        assert_eq!(refused(&ours, &shared), text);
        assert_eq!(refused(&shared, &ours), "Capability x-ignore-shared is on, but received capability is off");
        check(&Configuration { capabilities: Some(Vec::new()), ..ours.clone() }, Some(&ours)).unwrap();
    }

    #[test]
    fn a_uuid_counts_only_if_both_have_one() {
        let ours = Configuration::new("virt");
        let uuid = |last| Configuration {
            uuid: Some([0xab, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, last]),
            ..ours.clone()
        };
        check(&ours, Some(&uuid(1))).unwrap();
        check(&uuid(1), Some(&ours)).unwrap();
        assert_eq!(
            refused(&uuid(1), &uuid(2)),
            "UUID received is ab000102-0304-0506-0708-090a0b0c0d02 and local is ab000102-0304-0506-0708-090a0b0c0d01"
        );
    }
}
