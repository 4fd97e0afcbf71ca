//! The decision about clients with valid certificates.

use std::sync::Arc;

/// The hook that decides about a client by the distinguished name of its certificate.
#[derive(Clone)]
pub(in crate::migration) struct Authorization(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl Authorization {
    pub(super) fn new(allows: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(allows))
    }

    pub(super) fn allows(&self, name: &str) -> bool {
        (self.0)(name)
    }
}
