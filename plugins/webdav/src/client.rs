//! Requests to the server, and what its refusals mean.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wharf_plugin::http::{self, Answer, Request};
use wharf_plugin::{StorageError, log, secrets};

use crate::multistatus::{Multistatus, Resource};

/// What is asked of a resource.
const PROPFIND: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
    <propfind xmlns=\"DAV:\"><prop><resourcetype/><getcontentlength/><getlastmodified/></prop>\
    </propfind>";
/// What is asked of the root, to know how much can be stored (RFC 4331).
const QUOTA: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
    <propfind xmlns=\"DAV:\"><prop><quota-available-bytes/></prop></propfind>";

/// Who the plugin is to the server. Passwords and tokens are names of secrets.
#[derive(Debug)]
pub enum Credentials {
    /// Nobody.
    None,
    /// RFC 7617.
    Basic {
        /// The name of the user.
        user: String,
        /// The name of the secret that is the password.
        password: String,
    },
    /// RFC 6750; the name of the secret that is the token.
    Bearer(String),
}

/// Sends requests with the plugin's credentials, each with all the time that the call has left.
#[derive(Debug)]
pub struct Client {
    /// Who the plugin is.
    pub credentials: Credentials,
}

impl Client {
    /// A request with its credentials.
    ///
    /// # Errors
    /// A secret is not to be had.
    pub fn request(&self, method: &str, url: &str) -> Result<Request, StorageError> {
        let request = Request::new(method, url).timeout(Duration::ZERO);
        let secret = |name: &str| {
            let secret = secrets::get(name);
            secret.map_err(|error| StorageError::NotGranted(error.to_string()))
        };
        let value = match &self.credentials {
            Credentials::None => return Ok(request),
            Credentials::Basic { user, password } => {
                let password = secret(password)?;
                let pair = format!("{user}:{}", password.expose());
                format!("Basic {}", STANDARD.encode(pair))
            }
            Credentials::Bearer(token) => format!("Bearer {}", secret(token)?.expose()),
        };
        Ok(request.header("authorization", value))
    }

    /// Sends a request without a body and waits until the answer begins.
    ///
    /// # Errors
    /// There is no answer, or the server does not take the credentials.
    pub fn ask(&self, method: &str, url: &str) -> Result<Answer, StorageError> {
        answered(self.request(method, url)?)
    }

    /// Asks for a resource, and with a `depth` of 1 for what it holds.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn propfind(&self, url: &str, depth: u8) -> Result<Answer, StorageError> {
        self.ask_xml("PROPFIND", url, depth, PROPFIND)
    }

    /// Asks how much can be stored in a collection.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn quota(&self, url: &str) -> Result<Answer, StorageError> {
        self.ask_xml("PROPFIND", url, 0, QUOTA)
    }

    /// Wants properties changed.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn proppatch(&self, url: &str, document: &str) -> Result<Answer, StorageError> {
        self.ask_xml("PROPPATCH", url, 0, document)
    }

    /// Wants a resource copied or moved. `path` is what is behind the server's name in `target`.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn relocate(
        &self,
        method: &str,
        source: &str,
        target: &str,
        path: &str,
        overwrite: bool,
    ) -> Result<Answer, StorageError> {
        let flag = if overwrite { "T" } else { "F" };
        let to = |destination: &str| {
            let request = self.request(method, source)?.header("overwrite", flag);
            answered(request.header("destination", destination))
        };
        let answer = to(target)?;
        // Behind a proxy that ends TLS, some take our name for them for another server's.
        match answer.status {
            502 => to(path),
            _ => Ok(answer),
        }
    }

    fn ask_xml(
        &self,
        method: &str,
        url: &str,
        depth: u8,
        document: &str,
    ) -> Result<Answer, StorageError> {
        let request = self.request(method, url)?;
        let request = request.header("depth", depth.to_string());
        let request = request.header("content-type", "application/xml; charset=utf-8");
        answered(request.body(document))
    }
}

/// The first resource of an answer to PROPFIND or PROPPATCH.
///
/// # Errors
/// It is no such answer.
pub fn resource(answer: Answer) -> Result<Resource, StorageError> {
    if answer.status != 207 {
        return Err(refused("PROPFIND", answer.status));
    }
    let first = Multistatus::new(answer).next().map_err(unreadable)?;
    first.ok_or(StorageError::NotFound)
}

/// Sends `request` and waits until the answer begins.
///
/// # Errors
/// There is no answer, or the server does not take the credentials.
pub fn answered(request: Request) -> Result<Answer, StorageError> {
    known(request.open().map_err(failed)?)
}

/// `answer`, if the server takes the credentials.
///
/// # Errors
/// It does not.
pub fn known(answer: Answer) -> Result<Answer, StorageError> {
    match answer.status {
        401 => {
            let text = "the server does not take the credentials (401)";
            Err(StorageError::NotGranted(text.into()))
        }
        _ => Ok(answer),
    }
}

/// What it means that a request is answered with a status that is no success.
pub fn refused(method: &str, status: u16) -> StorageError {
    let text = format!("{method} is answered with {status}");
    match status {
        403 => {
            log::warn("the server refuses access", &[("answer", &text)]);
            StorageError::PermissionDenied
        }
        404 | 409 | 410 => StorageError::NotFound,
        412 => StorageError::Exists,
        413 | 507 => StorageError::QuotaExceeded,
        414 => StorageError::InvalidName,
        423 => StorageError::Failed(format!("{text}: somebody has locked it")),
        _ => StorageError::Failed(text),
    }
}

/// Why there is no answer.
pub fn failed(error: http::Error) -> StorageError {
    match error {
        http::Error::NotGranted(_) | http::Error::BlockedAddress(_) => {
            StorageError::NotGranted(error.to_string())
        }
        _ => StorageError::Failed(error.to_string()),
    }
}

/// An answer that is none.
pub fn unreadable(error: quick_xml::Error) -> StorageError {
    StorageError::Failed(format!("the server's answer cannot be read: {error}"))
}
