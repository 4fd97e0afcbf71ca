//! The configuration in a stream, which depends on the capabilities.

use super::Host;
use crate::migration::capability::{Capabilities, Capability};
use crate::stream::Configuration;

/// The capabilities that both sides must have (`should_validate_capability` in QEMU's `migration/savevm.c`), in QEMU's order.
const VALIDATED: &[Capability] = &[Capability::XIgnoreShared, Capability::MappedRam];

/// Returns the configuration that a source sends.
pub(super) fn sent(host: &impl Host, capabilities: Capabilities) -> Configuration {
    let mut configuration = with_capabilities(host.configuration(), capabilities);
    if capabilities.has(Capability::ValidateUuid) && configuration.uuid.is_none() {
        configuration.uuid = uuid(host);
    }
    configuration
}

/// Returns the configuration that a destination expects. It compares a UUID if the source has sent one.
pub(super) fn expected(host: &impl Host, capabilities: Capabilities) -> Configuration {
    let configuration = with_capabilities(host.configuration(), capabilities);
    Configuration { uuid: uuid(host), ..configuration }
}

fn with_capabilities(mut configuration: Configuration, capabilities: Capabilities) -> Configuration {
    for capability in VALIDATED.iter().filter(|capability| capabilities.has(**capability)) {
        let names = configuration.capabilities.get_or_insert_default();
        if !names.iter().any(|name| name == capability.name()) {
            names.push(capability.name().to_owned());
        }
    }
    configuration
}

/// Returns the UUID of the virtual machine, if it has one.
fn uuid(host: &impl Host) -> Option<[u8; 16]> {
    Some(host.uuid()).filter(|uuid| *uuid != [0; 16])
}
