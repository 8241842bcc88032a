//! Every released contract, and every single change of it, against this host in every role: what
//! the rules of `docs/plugins/evolution.md` promise, and what they forbid.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmtime::component::{Component, Linker};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{
    EnumCase, Field, Flag, Handle, InterfaceId, LiftLowerAbi, ManglingAndAbi, Resolve, Type,
    TypeDefKind, TypeId, WorldId, WorldItem,
};

use super::guest;
use crate::plugin::engine::PluginEngine;
use crate::plugin::instance::{InstanceState, PluginInstance};
use crate::plugin::role::{Indices, Surface};
use crate::plugin::services::Services;
use crate::plugin::{Role, evolution, imports};

/// How another contract differs from a released one.
#[derive(Clone, Debug)]
enum Change {
    Nothing,
    Version(&'static str),
    /// The function at that place of the interface is not there.
    FunctionLess(String, usize),
    /// There is one more.
    FunctionMore(String),
    /// A type of the interface has a part less, or one more.
    PartLess(String, String),
    PartMore(String, String),
}

/// A contract with the world of a guest that has one role.
#[derive(Clone)]
struct Contract {
    resolve: Resolve,
    world: WorldId,
    role: InterfaceId,
}

impl Contract {
    /// With `all`, the guest imports everything, else only what its role speaks of.
    fn of(files: &[(String, String)], role: Role, all: bool) -> Self {
        let version = version(files);
        let include = format!("include wharf:plugin/imports@{version};");
        let world = format!(
            "package test:guest;
            world guest {{
                {}
                export wharf:plugin/{role}@{version};
            }}",
            if all { &include } else { "" }
        );
        let (resolve, world) = guest::resolve(files, &world);
        let exports = resolve.worlds[world].exports.values();
        let role = exports.filter_map(interface_of).next().unwrap();
        Self {
            resolve,
            world,
            role,
        }
    }

    /// The interfaces that the guest imports or exports.
    fn interfaces(&self) -> Vec<InterfaceId> {
        let imports = self.resolve.worlds[self.world].imports.values();
        let imports = imports.filter_map(interface_of);
        imports.chain([self.role]).collect()
    }

    fn name(&self, interface: InterfaceId) -> String {
        self.resolve.interfaces[interface].name.clone().unwrap()
    }

    fn interface(&self, name: &str) -> InterfaceId {
        let named = |id: &InterfaceId| self.name(*id) == name;
        self.interfaces().into_iter().find(named).unwrap()
    }

    fn type_id(&self, interface: &str, name: &str) -> TypeId {
        self.resolve.interfaces[self.interface(interface)].types[name]
    }

    fn changed(mut self, change: &Change) -> Self {
        match change {
            Change::Nothing => {}
            Change::Version(version) => {
                let package = self.resolve.interfaces[self.role].package.unwrap();
                let name = &mut self.resolve.packages[package].name;
                name.version = Some(version.parse().unwrap());
            }
            Change::FunctionLess(interface, at) => {
                let interface = self.interface(interface);
                let functions = &mut self.resolve.interfaces[interface].functions;
                functions.shift_remove_index(*at).unwrap();
            }
            Change::FunctionMore(interface) => {
                let interface = self.interface(interface);
                let functions = &mut self.resolve.interfaces[interface].functions;
                let (_, one) = functions.first().unwrap();
                let mut more = one.clone();
                more.kind = wit_parser::FunctionKind::Freestanding;
                (more.params, more.result) = (Vec::new(), Some(Type::U32));
                more.name = "of-another-time".to_owned();
                functions.insert(more.name.clone(), more);
            }
            Change::PartLess(interface, ty) => {
                let id = self.type_id(interface, ty);
                one_part_less(&mut self.resolve.types[id].kind);
            }
            Change::PartMore(interface, ty) => {
                let id = self.type_id(interface, ty);
                one_part_more(&mut self.resolve.types[id].kind);
            }
        }
        self
    }

    /// A component of it that does nothing.
    fn component(&self) -> Vec<u8> {
        let abi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
        let mut module = dummy_module(&self.resolve, self.world, abi);
        let utf8 = StringEncoding::UTF8;
        embed_component_metadata(&mut module, &self.resolve, self.world, utf8).unwrap();
        let encoder = ComponentEncoder::default().module(&module).unwrap();
        encoder.validate(true).encode().unwrap()
    }

    /// Every type that a function of the guest takes or returns, by interface and name, as far as
    /// it has parts.
    fn types_in_use(&self) -> BTreeSet<(String, String)> {
        let mut types = BTreeSet::new();
        for interface in self.interfaces() {
            for function in self.resolve.interfaces[interface].functions.values() {
                let params = function.params.iter().map(|param| param.ty);
                for ty in params.chain(function.result) {
                    self.add(ty, &mut types);
                }
            }
        }
        types
    }

    /// Every type of its interfaces that has parts.
    fn types(&self) -> BTreeSet<(String, String)> {
        let mut types = BTreeSet::new();
        for id in self.interfaces() {
            for (name, ty) in &self.resolve.interfaces[id].types {
                if has_parts(&self.resolve.types[*ty].kind) {
                    types.insert((self.name(id), name.clone()));
                }
            }
        }
        types
    }

    fn add(&self, ty: Type, types: &mut BTreeSet<(String, String)>) {
        let Type::Id(id) = ty else { return };
        let definition = &self.resolve.types[id];
        if has_parts(&definition.kind)
            && let wit_parser::TypeOwner::Interface(interface) = definition.owner
        {
            let name = definition.name.clone().unwrap();
            types.insert((self.name(interface), name));
        }
        let inner: Vec<Type> = match &definition.kind {
            TypeDefKind::Record(of) => of.fields.iter().map(|field| field.ty).collect(),
            TypeDefKind::Variant(of) => of.cases.iter().filter_map(|case| case.ty).collect(),
            TypeDefKind::Tuple(of) => of.types.clone(),
            TypeDefKind::Option(ty) | TypeDefKind::List(ty) | TypeDefKind::Type(ty) => vec![*ty],
            TypeDefKind::Result(of) => of.ok.into_iter().chain(of.err).collect(),
            TypeDefKind::Handle(Handle::Own(_) | Handle::Borrow(_))
            | TypeDefKind::Resource
            | TypeDefKind::Enum(_)
            | TypeDefKind::Flags(_) => vec![],
            other => panic!("the contract has a {}", other.as_str()),
        };
        inner.into_iter().for_each(|ty| self.add(ty, types));
    }
}

fn interface_of(item: &WorldItem) -> Option<InterfaceId> {
    match item {
        WorldItem::Interface { id, .. } => Some(*id),
        _ => None,
    }
}

fn has_parts(kind: &TypeDefKind) -> bool {
    use TypeDefKind::{Enum, Flags, Record, Variant};
    matches!(kind, Record(_) | Variant(_) | Enum(_) | Flags(_))
}

fn one_part_less(kind: &mut TypeDefKind) {
    match kind {
        TypeDefKind::Record(of) => drop(of.fields.pop()),
        TypeDefKind::Variant(of) => drop(of.cases.pop()),
        TypeDefKind::Enum(of) => drop(of.cases.pop()),
        TypeDefKind::Flags(of) => drop(of.flags.pop()),
        _ => panic!("it has no parts"),
    }
}

fn one_part_more(kind: &mut TypeDefKind) {
    let (name, docs) = ("of-another-time".to_owned(), wit_parser::Docs::default());
    let span = wit_parser::Span::default();
    match kind {
        TypeDefKind::Record(of) => of.fields.push(Field {
            name,
            ty: Type::U8,
            docs,
            span,
        }),
        TypeDefKind::Variant(of) => of.cases.push(wit_parser::Case {
            name,
            ty: None,
            docs,
            span,
        }),
        TypeDefKind::Enum(of) => of.cases.push(EnumCase { name, docs, span }),
        TypeDefKind::Flags(of) => of.flags.push(Flag { name, docs, span }),
        _ => panic!("it has no parts"),
    }
}

/// The version that the files are of.
fn version(files: &[(String, String)]) -> String {
    let lines = files.iter().flat_map(|(_, text)| text.lines());
    let mut packages = lines.filter_map(|line| line.strip_prefix("package wharf:plugin@"));
    packages.next().unwrap().trim_end_matches(';').to_owned()
}

/// The contracts that were released: what every later host must serve. As long as 1.0.0 is not,
/// a change of `wit/` is made in its copy too.
fn released() -> Vec<(String, Vec<(String, String)>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/released");
    let entries = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let read = |path: PathBuf| (name(&path), std::fs::read_to_string(path).unwrap());
    let contract = |path: PathBuf| (name(&path), entries(&path).into_iter().map(read).collect());
    entries(&directory).into_iter().map(contract).collect()
}

/// The contracts with the worlds of all roles. What is imported matters the same to each, so that
/// one of them shows it.
fn worlds() -> Vec<(String, Contract)> {
    let mut worlds = Vec::new();
    for (name, files) in released() {
        assert_eq!(name, version(&files));
        let contract = |role, all| Contract::of(&files, role, all);
        for role in Role::ALL {
            worlds.push((format!("{name}, {role}"), contract(*role, false)));
        }
        let all = contract(Role::Authenticator, true);
        worlds.push((format!("{name}, with every import"), all));
    }
    assert!(!worlds.is_empty());
    worlds
}

/// What loads components as the host does, without asking them anything.
struct Host {
    engine: PluginEngine,
    linker: Linker<InstanceState>,
}

impl Host {
    fn new() -> Self {
        let engine = PluginEngine::new().unwrap();
        let linker = imports::linker(engine.wasmtime()).unwrap();
        Self { engine, linker }
    }

    /// Whether the component can be asked in its role, or else what its author reads.
    async fn takes(&self, wasm: &[u8]) -> Result<(), String> {
        let fits = async {
            let engine = self.engine.wasmtime();
            let component = Component::from_binary(engine, wasm)?;
            let surface = Surface::of(&component, engine);
            let component = self.linker.instantiate_pre(&component)?;
            let indices = Indices::of(&surface, &component)?;
            let known = surface.unknown_exports.is_empty() && surface.roles.len() == 1;
            wasmtime::ensure!(known, "{:?}", surface.exports);
            let facts = Arc::new(super::facts());
            let granted = Arc::new(Services::in_trial().granted(&facts)?);
            let mut instance = PluginInstance::new(engine, &component, &facts, &granted).await?;
            indices.load(&mut instance)
        };
        match fits.await {
            Ok(_) => Ok(()),
            Err(error) => Err(evolution::differences(wasm)
                .unwrap_or_else(|| panic!("nothing is told of {error:#}"))),
        }
    }
}

/// What must load although it differs.
fn compatible(contract: &Contract) -> Vec<Change> {
    let mut changes = vec![Change::Nothing, Change::Version("1.9.0")];
    // A role may have a function that this host does not call, and the host's interfaces may have
    // had fewer functions when the plugin was built.
    changes.push(Change::FunctionMore(contract.name(contract.role)));
    for id in contract.interfaces() {
        let functions = contract.resolve.interfaces[id].functions.len();
        let less = |at| Change::FunctionLess(contract.name(id), at);
        if id != contract.role {
            changes.extend((0..functions).map(less));
        }
    }
    changes
}

/// What must not load, with a word of what the author reads.
fn incompatible(contract: &Contract) -> Vec<(Change, String)> {
    let mut changes = vec![(Change::Version("2.0.0"), "another major version".to_owned())];
    for id in contract.interfaces() {
        let (name, functions) = (
            contract.name(id),
            &contract.resolve.interfaces[id].functions,
        );
        if id == contract.role {
            for (at, function) in functions.keys().enumerate() {
                let told = format!("its `{name}` has no `{function}`");
                changes.push((Change::FunctionLess(name.clone(), at), told));
            }
        } else if !functions.is_empty() {
            let told = format!("it calls `of-another-time` of `{name}`");
            changes.push((Change::FunctionMore(name), told));
        }
    }
    for (interface, ty) in contract.types_in_use() {
        let told = |what| format!("`{ty}` has {what}");
        changes.push((Change::PartLess(interface.clone(), ty.clone()), told("")));
        changes.push((Change::PartMore(interface, ty.clone()), told("")));
    }
    changes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_released_contract_is_served_in_every_role() {
    let host = Host::new();
    for (world, contract) in worlds() {
        for change in compatible(&contract) {
            let wasm = contract.clone().changed(&change).component();
            assert_eq!(host.takes(&wasm).await, Ok(()), "{world}: {change:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_forbid_is_refused_in_every_role_with_what_differs() {
    let host = Host::new();
    for (world, contract) in worlds() {
        for (change, told) in incompatible(&contract) {
            let wasm = contract.clone().changed(&change).component();
            let error = host.takes(&wasm).await.unwrap_err();
            assert!(error.contains(&told), "{world}, {change:?}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn types_that_a_role_does_not_use_keep_nobody_out() {
    let (host, mut tried) = (Host::new(), 0);
    for (world, contract) in worlds() {
        for (interface, ty) in contract.types().difference(&contract.types_in_use()) {
            let change = Change::PartLess(interface.clone(), ty.clone());
            let wasm = contract.clone().changed(&change).component();
            assert_eq!(host.takes(&wasm).await, Ok(()), "{world}: {change:?}");
            tried += 1;
        }
    }
    assert!(tried > 0, "`denial` is not for storage-events");
}
