//! A configuration directory that is about to be written, and what could not be carried over.

use std::path::{Path, PathBuf};

use crate::cli::directory::{
    copy_plugin, find_plugin, make_directory, plugin_directories, refuse_to_overwrite,
    write_private,
};
use crate::config::FILE_NAME;

/// The files of a configuration, and notes on what they do not hold.
#[derive(Default)]
pub struct Written {
    /// `wharf.toml`
    pub main: String,
    /// Further files by their names below the directory. What is secret stands in one of its own.
    pub files: Vec<(String, String)>,
    /// Directories below it, where sinks keep their files.
    pub directories: Vec<String>,
    /// Plugins that come with this program: the name in the directory, and which one.
    pub plugins: Vec<(String, &'static str)>,
    /// What an operator has to know or do, a line each.
    pub notes: Vec<String>,
}

impl Written {
    /// Remembers what an operator has to know or do about a variable.
    pub fn note(&mut self, variable: &str, what: &str) {
        self.notes.push(format!("{variable}: {what}"));
    }

    /// A plugin that comes with this program, and its sidecar.
    pub fn plugin(&mut self, name: &str, plugin: &'static str, sidecar: String) {
        self.plugins.push((format!("plugins/{name}.wasm"), plugin));
        self.files.push((format!("plugins/{name}.toml"), sidecar));
    }

    /// Writes everything into `directory`, `wharf.toml` last, so that what a failure left is no
    /// configuration. Nothing is written over.
    pub fn write(&self, directory: &Path) -> anyhow::Result<()> {
        let main = directory.join(FILE_NAME);
        let files: Vec<(PathBuf, &str)> = self
            .files
            .iter()
            .map(|(name, text)| (directory.join(name), text.as_str()))
            .chain([(main, self.main.as_str())])
            .collect();
        let plugins: Vec<(PathBuf, PathBuf)> = self
            .plugins
            .iter()
            .map(|(name, plugin)| {
                let found = find_plugin(plugin, &plugin_directories())?;
                Ok((directory.join(name), found))
            })
            .collect::<anyhow::Result<_>>()?;
        let paths = files.iter().map(|(path, _)| path.as_path());
        let paths: Vec<&Path> = paths
            .chain(plugins.iter().map(|(path, _)| path.as_path()))
            .collect();
        refuse_to_overwrite(&paths)?;
        for name in &self.directories {
            make_directory(&directory.join(name))?;
        }
        for parent in paths.iter().filter_map(|path| path.parent()) {
            make_directory(parent)?;
        }
        for (path, plugin) in &plugins {
            copy_plugin(plugin, path)?;
        }
        files
            .iter()
            .try_for_each(|(path, text)| write_private(path, text))
    }
}
