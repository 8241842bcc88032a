//! `wharf init`: a configuration directory that works at once.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use wharf_protocol::secret::Secret;

use super::directory::{
    copy_plugin, find_plugin, make_directory, plugin_directories, refuse_to_overwrite,
    write_private,
};
use super::password;
use crate::config::value::Value;
use crate::config::{FILE_NAME, PortRange, template};

/// The plugin that lets the first user in, as it is built.
const PLUGIN: &str = "static-users";

/// Make a configuration directory.
#[derive(Debug, Args)]
pub struct Init {
    /// The directory to make
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The name of the first user
    #[arg(long, value_name = "NAME", default_value = "wharf", value_parser = user_name)]
    user: String,
    /// Take the user's password from standard input instead of making a random one
    #[arg(long)]
    password_stdin: bool,
    /// The IP address to listen on
    #[arg(long, value_name = "IP", default_value = "::")]
    address: IpAddr,
    /// The port to listen on
    #[arg(long, value_name = "N", default_value_t = 2121)]
    port: u16,
    /// The ports for passive data connections
    #[arg(long, value_name = "FIRST-LAST", default_value_t, value_parser = PortRange::parse)]
    passive: PortRange,
    /// Where files are kept [default: DIR/data]
    #[arg(long, value_name = "PATH")]
    root: Option<PathBuf>,
}

/// A name that stands in one line.
pub(super) fn user_name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    String::parse(text)
}

impl Init {
    /// Makes the directory and tells what to do next.
    pub fn run(&self) -> anyhow::Result<()> {
        let plugin = find_plugin(PLUGIN, &plugin_directories())?;
        let given = match self.password_stdin {
            true => Some(password::from_stdin(io::stdin())?),
            false => None,
        };
        let password = given.clone().unwrap_or_else(password::random);
        self.create(&plugin, &password)?;
        let shown = given.is_none().then_some(&password);
        print!("{}", self.next_steps(shown));
        Ok(())
    }

    /// Writes everything, `wharf.toml` last, so that what a failure left is no configuration.
    fn create(&self, plugin: &Path, password: &Secret) -> anyhow::Result<()> {
        if (self.passive.first..=self.passive.last).contains(&self.port) {
            bail!(
                "--port {} is among the passive ports, {}; choose another, or move these",
                self.port,
                self.passive
            );
        }
        let file = self.directory.join(FILE_NAME);
        let plugins = self.directory.join("plugins");
        let sidecar = plugins.join("10-static-users.toml");
        refuse_to_overwrite(&[&file, &sidecar])?;
        let (root, root_path) = self.root()?;
        make_directory(&root_path)?;
        make_directory(&plugins)?;
        copy_plugin(plugin, &plugins.join("10-static-users.wasm"))?;
        write_private(&sidecar, &self.sidecar(&password::hash(password)?))?;
        let address = SocketAddr::new(self.address, self.port);
        write_private(&file, &template::render(address, self.passive, &root))
    }

    /// The root of the first sink, as `wharf.toml` says it and as this process sees it.
    fn root(&self) -> anyhow::Result<(String, PathBuf)> {
        let Some(root) = &self.root else {
            return Ok(("data".to_owned(), self.directory.join("data")));
        };
        let root = std::path::absolute(root)
            .with_context(|| format!("cannot tell where {} is", root.display()))?;
        match root.to_str() {
            Some(text) => Ok((text.to_owned(), root)),
            None => bail!(
                "{} is not UTF-8, as a path in {FILE_NAME} must be",
                root.display()
            ),
        }
    }

    /// The settings of the plugin: one user, who sees the whole sink.
    fn sidecar(&self, hash: &str) -> String {
        let user = template::quote(&self.user);
        let hash = template::quote(hash);
        format!(
            "# Who may log in. `wharf hash-password` makes a line for another user.\n\
             \n\
             [config]\n\
             sink = \"local\"                  # of wharf.toml\n\
             root = \"\"                       # the directory in it that a user sees as `/`\n\
             \n\
             [config.users.{user}]\n\
             password = {hash}\n\
             permissions = \"full\"            # full | read-only | write-only\n"
        )
    }

    /// What was made, and the commands to go on with. A password that was given is not shown.
    fn next_steps(&self, password: Option<&Secret>) -> String {
        let directory = shell_word(&self.directory.to_string_lossy());
        let (login, note) = match password {
            Some(password) => (
                format!("{}:{}", self.user, password.expose()),
                format!("  password  {}   (shown this once)\n", password.expose()),
            ),
            None => (self.user.clone(), String::new()),
        };
        let login = shell_word(&login);
        let host = match self.address {
            address if address.is_unspecified() => IpAddr::from(Ipv4Addr::LOCALHOST),
            address => address,
        };
        let server = SocketAddr::new(host, self.port);
        let user = &self.user;
        format!(
            "Made {directory}.\n\
             \n  user      {user}\n{note}\
             \nServe:    wharf serve --config {directory}\
             \nTry:      curl --ssl-reqd --insecure --user {login} ftp://{server}/\
             \n          (--insecure, as the certificate is self-signed until [tls] names yours)\
             \nChange:   {FILE_NAME} and plugins/10-static-users.toml there, then \
             wharf check --config {directory}\n"
        )
    }
}

/// `text` as one word of a shell.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests;
