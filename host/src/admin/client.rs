//! Asks the host that runs on a state directory, through its socket.

use std::io;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Method, Request};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::answer::Refused;
use super::socket;
use crate::limits;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error("no wharf runs on the state directory {}; start it with `wharf serve`", .0.display())]
    NoHost(PathBuf),
    /// The socket is another user's.
    #[error(
        "the wharf that runs on {} is another user's; ask as that user, or as root",
        .0.display()
    )]
    NotPermitted(PathBuf),
    /// The connection does not come about or breaks.
    #[error("cannot ask the wharf that runs on {}: {cause}", directory.display())]
    Broken {
        /// The state directory.
        directory: PathBuf,
        /// What went wrong.
        cause: String,
    },
    /// The host says no, and why.
    #[error("the host refuses: {0}")]
    Refused(String),
    /// The host is another version, or something else.
    #[error("the host's answer is not understood: {0}; is it another version?")]
    NotUnderstood(String),
}

/// A client of one host. Each question has a connection of its own.
#[derive(Clone, Debug)]
pub struct AdminClient {
    directory: PathBuf,
}

impl AdminClient {
    /// Of the host that runs on the state directory `directory`.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// What is at `path`, as it stands.
    ///
    /// # Errors
    /// [`AskError`]
    pub async fn text(&self, path: &str) -> Result<String, AskError> {
        self.ask(Method::GET, path, Body::empty()).await
    }

    /// What is at `path`, which is JSON.
    ///
    /// # Errors
    /// [`AskError`]
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AskError> {
        parse(&self.text(path).await?)
    }

    /// What comes of sending `question` to `path`, both JSON.
    ///
    /// # Errors
    /// [`AskError`]
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        question: &impl Serialize,
    ) -> Result<T, AskError> {
        let body = serde_json::to_vec(question).map_err(|error| self.broken(error))?;
        parse(&self.ask(Method::POST, path, body.into()).await?)
    }

    async fn ask(&self, method: Method, path: &str, body: Body) -> Result<String, AskError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "wharf")
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|error| self.broken(error))?;
        // More than the host takes for an answer.
        match timeout(2 * limits::ADMIN_REQUEST, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.broken("it does not answer")),
        }
    }

    async fn exchange(&self, request: Request<Body>) -> Result<String, AskError> {
        let stream = socket::connect(&self.directory).and_then(|stream| {
            stream.set_nonblocking(true)?;
            UnixStream::from_std(stream)
        });
        let stream = stream.map_err(|error| self.not_connected(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(error))?;
        // The connection is driven while the answer is read, and ends when nobody asks any more.
        let answer = async move {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), limits::ADMIN_ANSWER_BYTES);
            Ok::<_, hyper::Error>((status, body.collect().await))
        };
        // What goes wrong with it, the answer tells too.
        let (answer, _) = tokio::join!(answer, connection);
        let (status, body) = answer.map_err(|error| self.broken(error))?;
        let bytes = body.map_err(|error| self.broken(error))?.to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match status.is_success() {
            true => Ok(text),
            false => Err(AskError::Refused(match parse::<Refused>(&text) {
                Ok(refused) => refused.error,
                Err(_) => status.to_string(),
            })),
        }
    }

    fn not_connected(&self, error: &io::Error) -> AskError {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                AskError::NoHost(self.directory.clone())
            }
            io::ErrorKind::PermissionDenied => AskError::NotPermitted(self.directory.clone()),
            _ => self.broken(error),
        }
    }

    fn broken(&self, cause: impl ToString) -> AskError {
        AskError::Broken {
            directory: self.directory.clone(),
            cause: cause.to_string(),
        }
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, AskError> {
    serde_json::from_str(text).map_err(|error| AskError::NotUnderstood(error.to_string()))
}
