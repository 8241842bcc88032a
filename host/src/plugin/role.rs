//! The roles a component has, told by the interfaces it exports, and what it imports.

use std::fmt;

use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre};

use super::bindings;
use super::instance::{InstanceState, PluginInstance};

/// The package that this host speaks, without its version.
const PACKAGE: &str = "wharf:plugin/";
/// Major versions that this host speaks.
const MAJOR: &str = "1";

/// Declares the roles with their interfaces and the bindings that check them.
macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $interface:literal in $bindings:ident,)+) => {
        /// What a plugin can do for the host.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Role {
            $($(#[$doc])* $role,)+
        }

        impl Role {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$role),+];

            /// The name of its interface.
            pub fn interface(self) -> &'static str {
                match self {
                    $(Self::$role => $interface,)+
                }
            }
        }

        /// Where a component keeps the exports of each of its roles.
        #[derive(Default)]
        pub struct Indices {
            $(pub $bindings: Option<bindings::$bindings::RoleIndices>,)+
        }

        /// The exports of each role of one instance.
        #[derive(Default)]
        pub struct Exports {
            $(pub $bindings: Option<bindings::$bindings::Role>,)+
        }

        impl Indices {
            /// Those of the roles that `surface` names.
            pub fn of(
                surface: &Surface,
                component: &InstancePre<InstanceState>,
            ) -> wasmtime::Result<Self> {
                let mut indices = Self::default();
                for role in &surface.roles {
                    match role {
                        $(Role::$role => {
                            let found = bindings::$bindings::RoleIndices::new(component)?;
                            indices.$bindings = Some(found);
                        })+
                    }
                }
                Ok(indices)
            }

            /// Looks all of them up in `instance`. Only this compares the types: linking alone does
            /// not tell whether they are those that this host calls.
            pub fn load(&self, instance: &mut PluginInstance) -> wasmtime::Result<Exports> {
                let mut exports = Exports::default();
                $(if let Some(indices) = &self.$bindings {
                    let role = indices.load(&mut instance.store, &instance.instance)?;
                    exports.$bindings = Some(role);
                })+
                Ok(exports)
            }
        }
    };
}

roles! {
    /// Decides who logs in.
    Authenticator = "authenticator" in authenticator,
    /// Watches over sessions.
    SessionGuard = "session-guard" in session_guard,
    /// Decides where a path leads.
    PathMapper = "path-mapper" in path_mapper,
    /// Shapes listings.
    ListingFilter = "listing-filter" in listing_filter,
    /// Decides on operations.
    StorageGuard = "storage-guard" in storage_guard,
    /// Decides on uploads.
    UploadGate = "upload-gate" in upload_gate,
    /// Hears of events.
    StorageEvents = "storage-events" in storage_events,
    /// Is a storage back end.
    StorageSink = "storage-sink" in storage_sink,
}

impl Role {
    /// The one that has `function`; of a resource, with the resource before a point.
    pub fn of_function(function: &str) -> Option<Self> {
        Some(match function {
            "begin" | "answer" => Self::Authenticator,
            "connect" | "revalidate" => Self::SessionGuard,
            "mounts" | "locate" => Self::PathMapper,
            "shape" => Self::ListingFilter,
            "before" => Self::StorageGuard,
            "needs" | "commit" => Self::UploadGate,
            "subscribe" | "deliver" => Self::StorageEvents,
            "features" | "stat" | "browse" | "open" | "begin-upload" | "delete" | "rename"
            | "make-directory" | "remove-directory" | "set-modified" | "available"
            | "reader.read" | "upload.write" | "upload.publish" | "upload.discard"
            | "upload.read" => Self::StorageSink,
            _ => return None,
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.interface())
    }
}

/// What a component exports and imports, as far as the host has a say in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surface {
    /// Its roles.
    pub roles: Vec<Role>,
    /// Whether it exports `lifecycle`.
    pub lifecycle: bool,
    /// What it exports under our package that this host does not know.
    pub unknown_exports: Vec<String>,
    /// Everything it exports, in full.
    pub exports: Vec<String>,
    /// Everything it imports, in full.
    pub imports: Vec<String>,
}

impl Surface {
    /// What `component` shows.
    pub fn of(component: &Component, engine: &Engine) -> Self {
        let ty = component.component_type();
        let exports = ty.exports(engine).map(|(name, _)| name.to_owned());
        let imports = ty.imports(engine).map(|(name, _)| name.to_owned());
        Self::new(exports.collect(), imports.collect())
    }

    /// What a component shows that exports and imports just these.
    pub fn new(exports: Vec<String>, imports: Vec<String>) -> Self {
        let mut surface = Self {
            exports,
            imports,
            ..Self::default()
        };
        for export in &surface.exports {
            let Some(rest) = export.strip_prefix(PACKAGE) else {
                continue;
            };
            let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
            let role = Role::ALL.iter().find(|role| role.interface() == interface);
            match role {
                _ if version.split('.').next() != Some(MAJOR) => {
                    surface.unknown_exports.push(export.clone());
                }
                Some(role) => surface.roles.push(*role),
                None if interface == "lifecycle" => surface.lifecycle = true,
                None => surface.unknown_exports.push(export.clone()),
            }
        }
        surface.roles.sort();
        surface
    }

    /// The names of its roles.
    pub fn names(&self) -> Vec<&'static str> {
        self.roles.iter().map(|role| role.interface()).collect()
    }

    /// Whether it imports the interface of our package.
    pub fn imports_ours(&self, interface: &str) -> bool {
        let mut imports = self.imports.iter();
        imports.any(|import| self::interface(import) == Some(interface))
    }

    /// The WASI interfaces it imports.
    pub fn wasi(&self) -> impl Iterator<Item = &str> {
        self.imports
            .iter()
            .map(String::as_str)
            .filter(|import| import.starts_with("wasi:"))
    }
}

/// The name of an interface of our package, of any version, by its name in full.
pub fn interface(full: &str) -> Option<&str> {
    full.strip_prefix(PACKAGE)?.split('@').next()
}
