//! `wharf probe`, without its arguments: a client that does to a server what its users do, once.

mod client;
mod error;
mod stream;
mod trust;

use std::time::{Duration, Instant};

use rand::RngExt;

use wharf_protocol::secret::Secret;

use self::client::Client;

pub use self::client::Security;
pub use self::error::{ProbeError, Step, StepFailed};
pub use self::trust::Trust;

/// What a probe's file is called, before a random end. Monitors of other systems know it.
const NAME: &str = "__HEALTHCHECK_PLEASE_IGNORE__";

/// How large the file is: more than one record of TLS.
const CONTENT_BYTES: usize = 20_000;

/// Where to, as whom, and how much is tried.
pub struct Probe {
    /// A name or an address.
    pub host: String,
    /// The port of the control connection.
    pub port: u16,
    /// When TLS begins.
    pub security: Security,
    /// Which certificate is believed.
    pub trust: Trust,
    /// USER
    pub user: String,
    /// PASS
    pub password: Secret,
    /// The directory of the file; where the login leads, if there is none.
    pub directory: Option<String>,
    /// Whether PASV is asked, and the address followed that it tells; otherwise EPSV is.
    pub pasv: bool,
    /// Whether nothing is stored.
    pub read_only: bool,
    /// For all of it.
    pub timeout: Duration,
}

impl Probe {
    /// Logs in, lists, stores a file, lists again, fetches it, compares and deletes it. Whatever
    /// fails, the file is deleted.
    ///
    /// # Errors
    /// The step that failed, and why.
    pub fn run(&self) -> Result<(), StepFailed> {
        let mut client = self.log_in()?;
        client.list().map_err(|error| Step::List.failed(error))?;
        if !self.read_only {
            let name = format!("{NAME}-{:016x}", rand::random::<u64>());
            let tried = try_file(&mut client, &name);
            if let Err(failed) = tried {
                return Err(self.clean_up(client, &name, failed));
            }
        }
        client.quit().map_err(|error| Step::LogOut.failed(error))
    }

    /// A client in the directory of the probe.
    fn log_in(&self) -> Result<Client, StepFailed> {
        let deadline = Instant::now() + self.timeout;
        let failed = |error| Step::Trust.failed(error);
        let tls = self.trust.config().map_err(failed)?;
        let mut client = Client::connect(self, tls, deadline)?;
        client
            .log_in(&self.user, &self.password)
            .map_err(|error| Step::LogIn.failed(error))?;
        if let Some(directory) = &self.directory {
            client
                .command(&format!("CWD {directory}"))
                .map_err(|error| Step::ChangeDirectory.failed(error))?;
        }
        Ok(client)
    }

    /// Deletes what a failed probe may have left, on a new connection where the old one does not
    /// serve, and says so where that fails too.
    fn clean_up(&self, mut client: Client, name: &str, mut failed: StepFailed) -> StepFailed {
        // A refusal may mean that there is no such file, or that it may not be deleted.
        let is_gone = |client: &mut Client| match client.command(&format!("DELE {name}")) {
            Ok(()) => true,
            Err(ProbeError::Refused { .. }) => client.list().is_ok_and(|it| !shows(&it, name)),
            Err(_) => false,
        };
        if !is_gone(&mut client) {
            drop(client);
            let again = self.log_in();
            if !again.is_ok_and(|mut client| is_gone(&mut client)) {
                failed.left = Some(name.to_owned());
            }
        }
        failed
    }
}

/// Stores a file of random content and deletes it again.
fn try_file(client: &mut Client, name: &str) -> Result<(), StepFailed> {
    let mut content = vec![0; CONTENT_BYTES];
    rand::rng().fill(&mut content[..]);
    client
        .store(name, &content)
        .map_err(|error| Step::Store.failed(error))?;
    let listing = client
        .list()
        .map_err(|error| Step::ListAgain.failed(error))?;
    if !shows(&listing, name) {
        return Err(Step::ListAgain.failed(ProbeError::NotListed));
    }
    let fetched = client
        .fetch(name, CONTENT_BYTES)
        .map_err(|error| Step::Fetch.failed(error))?;
    if fetched != content {
        return Err(Step::Compare.failed(ProbeError::Different));
    }
    client
        .command(&format!("DELE {name}"))
        .map_err(|error| Step::Delete.failed(error))
}

fn shows(listing: &[u8], name: &str) -> bool {
    String::from_utf8_lossy(listing).contains(name)
}
