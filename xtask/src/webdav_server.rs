//! A real WebDAV server for the tests: Apache with `mod_dav_fs`.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::system::{self, Package};

/// The server and its modules, without a service that starts by itself.
const APACHE: &[Package] = &[Package {
    file: PROGRAM,
    name: "apache2-bin",
}];
const PROGRAM: &str = "/usr/sbin/apache2";
const MODULES: &str = "/usr/lib/apache2/modules";
/// The only user that it knows; what the password opens ends with the tests.
const USER: &str = "harbour";
/// Its password, with what has to be kept as it is.
const PASSWORD: &str = "p:w %d";
/// The same for a file of users: SHA-1 in base64.
const ENCODED: &str = "{SHA}8dWUO4LqJwLXGzDAkmdxXNl1hCE=";
/// Where files are, with a name that has to be encoded.
const BASE: &str = "dav/harbour master";
/// How long the server may take to be ready.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that ends with this value, and all that it stores.
pub struct WebDavServer {
    server: Child,
    folder: PathBuf,
    port: u16,
}

impl WebDavServer {
    /// Installs the server where it is missing, and starts it on a free port.
    ///
    /// # Errors
    /// It cannot be installed, or does not start.
    pub fn start() -> Result<Self> {
        system::provide(APACHE, "a WebDAV server for the tests")?;
        let folder = std::env::temp_dir().join(format!("wharf-webdav-{}", std::process::id()));
        for directory in ["run", &format!("data/{BASE}")] {
            fs::create_dir_all(folder.join(directory))?;
        }
        // As root it becomes another user, who needs these.
        for directory in ["run", &format!("data/{BASE}")] {
            fs::set_permissions(folder.join(directory), fs::Permissions::from_mode(0o777))?;
        }
        fs::write(folder.join("users"), format!("{USER}:{ENCODED}\n"))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let configuration = folder.join("httpd.conf");
        fs::write(&configuration, configured(&folder, port))?;
        let log = fs::File::create(folder.join("log"))?;
        let server = Command::new(PROGRAM)
            .arg("-X")
            .arg("-f")
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Not ended by the key that ends the tests, but with them.
            .process_group(0)
            .spawn()
            .context("cannot start the WebDAV server")?;
        let mut started = Self {
            server,
            folder,
            port,
        };
        started.wait_until_ready()?;
        Ok(started)
    }

    /// How `command` finds it.
    pub fn tell(&self, command: &mut Command) {
        let base = BASE.replace(' ', "%20");
        command
            .env(
                "WHARF_WEBDAV_URL",
                format!("http://127.0.0.1:{}/{base}/", self.port),
            )
            .env("WHARF_WEBDAV_USER", USER)
            .env("WHARF_WEBDAV_PASSWORD", PASSWORD);
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = self.server.try_wait()? {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                bail!("the WebDAV server ended: {status}\n{log}");
            }
            if start.elapsed() > PATIENCE {
                bail!(
                    "the WebDAV server is not ready after {} s",
                    PATIENCE.as_secs()
                );
            }
            rest();
        }
        Ok(())
    }
}

impl Drop for WebDavServer {
    fn drop(&mut self) {
        // It may have ended by itself, and nothing else needs what it kept.
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The configuration. Below a directory called `small` it takes files of 1 MB at most, and in one
/// called `closed` nothing can be changed. `mod_dir` makes it insist on the slashes of directories,
/// as it is usual.
fn configured(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    let modules = [
        "mpm_event",
        "authn_core",
        "authn_file",
        "authz_core",
        "authz_user",
        "auth_basic",
        "dir",
        "dav",
        "dav_fs",
    ];
    let load = |name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n");
    let modules: String = modules.into_iter().map(load).collect();
    format!(
        "{modules}ServerName 127.0.0.1\nListen 127.0.0.1:{port}\nUser nobody\nGroup nogroup\n\
         DefaultRuntimeDir {folder}/run\nPidFile {folder}/run/pid\nMutex file:{folder}/run\n\
         ErrorLog {folder}/log\nThreadLimit 128\nThreadsPerChild 128\nMaxRequestWorkers 128\n\
         DavLockDB {folder}/run/locks\nDavDepthInfinity on\nDocumentRoot \"{folder}/data\"\n\
         <Directory \"{folder}/data\">\n\
         Dav On\nAuthType Basic\nAuthName wharf\nAuthUserFile {folder}/users\n\
         Require valid-user\n</Directory>\n\
         <LocationMatch \"/small/\">\nLimitRequestBody 1000000\n</LocationMatch>\n\
         <LocationMatch \"/closed/.\">\n<LimitExcept GET HEAD OPTIONS PROPFIND>\n\
         Require all denied\n</LimitExcept>\n</LocationMatch>\n"
    )
}

/// Between two looks at a server that is starting.
#[expect(clippy::disallowed_methods, reason = "there is no reactor here")]
fn rest() {
    thread::sleep(Duration::from_millis(50));
}
