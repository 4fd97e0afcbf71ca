//! Messages of monitors.

use serde_json::Value;

/// Returns a short name of an event: the state of a migration, `passN` for a pass, and the name of another one.
///
/// # Panics
/// If the message is not an event.
#[must_use]
pub fn event_name(message: &Value) -> String {
    match (message["data"]["status"].as_str(), message["data"].get("pass")) {
        (Some(status), _) => status.to_owned(),
        (None, Some(pass)) => format!("pass{pass}"),
        (None, None) => message["event"].as_str().expect("an event").to_owned(),
    }
}
