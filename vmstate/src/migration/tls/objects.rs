//! The objects that parameters name, as QEMU's `-object` creates them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::access_list::AccessList;
use super::authorization::Authorization;
use super::credentials::{TlsCredentials, TlsEndpoint, TlsError};

#[derive(Clone)]
enum Object {
    Credentials(Arc<TlsCredentials>),
    Authorization(Authorization),
}

/// Objects with ids, which the parameters `tls-creds` and `tls-authz` name. Clones share the objects.
#[derive(Clone, Default)]
pub struct Objects(Arc<Mutex<BTreeMap<String, Object>>>);

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.lock().keys()).finish()
    }
}

impl PartialEq for Objects {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Objects {}

impl Objects {
    /// Creates an empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Object>> {
        // All changes are single insertions and removals.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, id: &str, object: Object) -> Result<(), TlsError> {
        let mut objects = self.lock();
        if id.is_empty() {
            return Err(TlsError("missing `id`".to_owned()));
        } else if objects.contains_key(id) {
            return Err(TlsError(format!("duplicate object `{}`", id.escape_debug())));
        }
        objects.insert(id.to_owned(), object);
        Ok(())
    }

    /// Adds credentials, for the parameter `tls-creds`.
    ///
    /// # Errors
    /// Returns an error if the id is in use or empty.
    pub fn add_credentials(&self, id: &str, credentials: TlsCredentials) -> Result<(), TlsError> {
        self.insert(id, Object::Credentials(Arc::new(credentials)))
    }

    /// Adds an authorization, for the parameter `tls-authz`: a destination accepts only clients for which it returns
    /// `true`. Its argument is the distinguished name of the client's certificate, such as `CN=host.example,O=Example`: its
    /// parts are in the order of the certificate. It is called by several threads.
    ///
    /// # Errors
    /// Returns an error if the id is in use or empty.
    pub fn add_authorization(
        &self,
        id: &str,
        allows: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Result<(), TlsError> {
        self.insert(id, Object::Authorization(Authorization::new(allows)))
    }

    /// Adds rules as an authorization, for the parameter `tls-authz`.
    ///
    /// # Errors
    /// Returns an error if the id is in use or empty.
    pub fn add_access_list(&self, id: &str, list: AccessList) -> Result<(), TlsError> {
        self.add_authorization(id, move |name| list.allows(name))
    }

    /// Returns whether an object has this id.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.lock().contains_key(id)
    }

    /// Removes an object. Returns whether it existed.
    pub fn remove(&self, id: &str) -> bool {
        self.lock().remove(id).is_some()
    }

    /// Returns the credentials for one side of a connection.
    pub(in crate::migration) fn credentials(
        &self,
        id: &str,
        endpoint: TlsEndpoint,
    ) -> Result<Arc<TlsCredentials>, String> {
        let found = match self.lock().get(id) {
            Some(Object::Credentials(credentials)) => Arc::clone(credentials),
            // QEMU's words.
            _ => return Err(format!("No TLS credentials with id '{}'", id.escape_debug())),
        };
        if found.endpoint() == endpoint {
            return Ok(found);
        }
        let (expected, other) = (endpoint.name(), found.endpoint().name());
        Err(format!(
            "expected TLS credentials with `endpoint={expected}`, found `{}` with `{other}`",
            id.escape_debug()
        ))
    }

    /// Returns the authorization with this id, of the object that has it when a client arrives, as in QEMU
    /// (`qauthz_is_allowed_by_id` in `authz/base.c`). Without it, no client is allowed.
    pub(in crate::migration) fn authorization(&self, id: &str) -> Result<Authorization, String> {
        let found = |objects: &Self, id: &str| match objects.lock().get(id) {
            Some(Object::Authorization(authorization)) => Some(authorization.clone()),
            _ => None,
        };
        if found(self, id).is_none() {
            return Err(format!("missing authorization `{}`; add it or clear `tls-authz`", id.escape_debug()));
        }
        let (objects, id) = (self.clone(), id.to_owned());
        Ok(Authorization::new(move |name| found(&objects, &id).is_some_and(|authorization| authorization.allows(name))))
    }
}
