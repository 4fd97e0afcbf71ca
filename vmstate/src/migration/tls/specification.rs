//! The properties of an object, from which it is created.

use super::access_list::AccessList;
use super::credentials::{TlsCredentials, TlsEndpoint, TlsError};
use super::objects::Objects;

/// The properties of an object of QEMU's `-object` or `object-add`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::migration) enum Specification {
    /// `tls-creds-x509`.
    Credentials { folder: String, endpoint: TlsEndpoint, verify_peer: bool },
    /// `authz-simple`: the only name that is allowed.
    Name(String),
    /// `authz-list`.
    List(AccessList),
}

impl Specification {
    /// Creates the object.
    ///
    /// # Errors
    /// Returns an error if the id is in use or empty, or credentials cannot be read.
    pub(in crate::migration) fn create(self, id: &str, objects: &Objects) -> Result<(), TlsError> {
        match self {
            Self::Credentials { folder, endpoint, verify_peer } => {
                objects.add_credentials(id, TlsCredentials::x509(folder, endpoint)?.verify_peer(verify_peer))
            }
            Self::Name(identity) => objects.add_authorization(id, move |name| name == identity),
            Self::List(list) => objects.add_access_list(id, list),
        }
    }
}
