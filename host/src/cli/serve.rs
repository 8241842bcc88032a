//! `wharf serve`.

use anyhow::bail;

use super::Serve;
use crate::config::Config;
use crate::logging;

/// Serves until told to stop.
pub fn run(arguments: &Serve) -> anyhow::Result<()> {
    logging::begin(arguments.log_format, &arguments.log_level)?;
    let (_config, _origin) = Config::load(&arguments.directory.config)?;
    bail!("this build cannot serve yet: the server is not joined to the command line")
}
