//! Encryption of migrations: certificates, and the objects that parameters name.
//!
//! A migration whose parameter `tls-creds` names a [`TlsCredentials`] object encrypts all of its channels with TLS 1.3 or 1.2,
//! as QEMU does with its object `tls-creds-x509`, whose folder of files this module reads.
//! (QEMU: `crypto/tlscredsx509.c`, `migration/tls.c`.)

mod access_list;
mod authorization;
mod credentials;
mod name;
mod objects;
mod options;
mod specification;
mod verifier;

pub use access_list::AccessList;
pub(super) use authorization::Authorization;
pub(super) use credentials::PROTOCOL;
pub use credentials::{TlsCredentials, TlsEndpoint, TlsError};
pub use objects::Objects;
#[cfg(feature = "control")]
pub(super) use specification::Specification;
pub(super) use verifier::Denied;
