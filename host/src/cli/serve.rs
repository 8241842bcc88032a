//! `wharf serve`.

use super::Serve;
use crate::config::Config;
use crate::{logging, server};

/// Serves until told to stop.
pub fn run(arguments: &Serve) -> anyhow::Result<()> {
    logging::begin(arguments.log_format, &arguments.log_level)?;
    let (config, _origin) = Config::load(&arguments.directory.config)?;
    server::run(config)
}
