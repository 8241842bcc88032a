//! In which way the contract that a component was built against differs from this host's: what its
//! author reads instead of the engine's words.

use std::fmt::Write as _;

use wit_parser::{
    Function, Handle, Interface, Resolve, Type, TypeDef, TypeDefKind, TypeId, WorldItem,
};

use super::contract;

/// Differences that are told; who has more needs no list.
const MAX_TOLD: usize = 4;

/// Whether the component calls an interface or offers it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Import,
    Export,
}

/// What keeps the component in `wasm` from running here, as far as the two contracts tell.
pub fn differences(wasm: &[u8]) -> Option<String> {
    let (theirs, world) = contract::of_component(wasm).ok()?;
    let ours = contract::types()?;
    let world = &theirs.worlds[world];
    let imports = world.imports.values().map(|item| (item, Side::Import));
    let exports = world.exports.values().map(|item| (item, Side::Export));
    let (mut found, mut built) = (Vec::new(), None);
    for (item, side) in imports.chain(exports) {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let interface = &theirs.interfaces[*id];
        let Some(version) = contract::version(&theirs, interface) else {
            continue;
        };
        let compared = Compared {
            theirs: &theirs,
            ours: &ours,
            interface: interface.name.as_deref().unwrap_or_default(),
        };
        compared.interface(interface, &version, side, &mut found);
        built.get_or_insert(version);
    }
    // An interface of another major version is told once for all of them.
    found.dedup();
    let more = found.len().saturating_sub(MAX_TOLD);
    found.truncate(MAX_TOLD);
    let mut told = found.join("; ");
    if more > 0 {
        // Writing to a string cannot fail.
        let _ = write!(told, "; and {more} more");
    }
    (!told.is_empty()).then(|| match built {
        Some(version) => format!("built against wharf:plugin {version}: {told}"),
        None => told,
    })
}

/// An interface on both sides.
struct Compared<'r> {
    theirs: &'r Resolve,
    ours: &'r Resolve,
    interface: &'r str,
}

impl Compared<'_> {
    fn interface(&self, theirs: &Interface, version: &str, side: Side, found: &mut Vec<String>) {
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        let ours = contract::interface(self.ours, self.interface);
        let known = ours.and_then(|ours| contract::version(self.ours, ours));
        let name = self.interface;
        let Some((ours, known)) = ours.zip(known) else {
            found.push(match side {
                Side::Import => format!("it calls `{name}`, which this host does not have"),
                Side::Export => format!("it offers `{name}`, which this host does not know"),
            });
            return;
        };
        if major(version) != major(&known) {
            found.push(format!(
                "this host has {known}, which is another major version"
            ));
            return;
        }
        for (name, id) in &theirs.types {
            let Some(here) = ours.types.get(name) else {
                continue;
            };
            let (there, here) = (&self.theirs.types[*id], &self.ours.types[*here]);
            found.extend(self.definition(name, there, here));
        }
        self.functions(theirs, ours, side, found);
    }

    fn functions(&self, there: &Interface, here: &Interface, side: Side, found: &mut Vec<String>) {
        let name = self.interface;
        for function in there.functions.values() {
            match here.functions.get(&function.name) {
                Some(known) => found.extend(self.signature(function, known)),
                None if side == Side::Import => found.push(format!(
                    "it calls `{}` of `{name}`, which this host does not have",
                    function.name
                )),
                // The host does not call it.
                None => {}
            }
        }
        if side == Side::Export {
            for function in here.functions.keys() {
                if !there.functions.contains_key(function) {
                    found.push(format!(
                        "its `{name}` has no `{function}`, which this host calls"
                    ));
                }
            }
        }
    }

    fn signature(&self, there: &Function, here: &Function) -> Option<String> {
        let (theirs, ours) = (signature(self.theirs, there), signature(self.ours, here));
        let name = &here.name;
        (theirs != ours).then(|| {
            format!(
                "`{name}` of `{}` is `{theirs}` there and `{ours}` here",
                self.interface
            )
        })
    }

    /// How a type is different, if it is.
    fn definition(&self, name: &str, there: &TypeDef, here: &TypeDef) -> Option<String> {
        // What an interface uses of another is compared there.
        let is_use = |definition: &TypeDef| matches!(definition.kind, TypeDefKind::Type(_));
        if is_use(there) || is_use(here) {
            return None;
        }
        let (theirs, ours) = (parts(self.theirs, there), parts(self.ours, here));
        let (kind, known) = (there.kind.as_str(), here.kind.as_str());
        if kind != known {
            return Some(format!("`{name}` is a {kind} there and a {known} here"));
        }
        let Some((theirs, ours)) = theirs.zip(ours) else {
            let (theirs, ours) = (structure(self.theirs, there), structure(self.ours, here));
            let differs = theirs != ours;
            return differs.then(|| format!("`{name}` is `{theirs}` there and `{ours}` here"));
        };
        different_parts(name, part_name(&here.kind), &theirs, &ours)
    }
}

/// The parts of a type by their names, with their types.
type Parts = Vec<(String, String)>;

/// Names how `theirs` differ from `ours`.
fn different_parts(name: &str, part: &str, theirs: &Parts, ours: &Parts) -> Option<String> {
    let lacking = |from: &Parts, of: &Parts| {
        let missing = |wanted: &&(String, String)| from.iter().all(|(name, _)| *name != wanted.0);
        let missing: Vec<_> = of
            .iter()
            .filter(missing)
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        missing.join(", ")
    };
    let (missing, added) = (lacking(theirs, ours), lacking(ours, theirs));
    let mut told = format!(
        "`{name}` has {} {part}s there and {} here",
        theirs.len(),
        ours.len()
    );
    for (names, what) in [(&missing, "it lacks"), (&added, "this host does not know")] {
        if !names.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(told, ", {what} {names}");
        }
    }
    if !missing.is_empty() || !added.is_empty() {
        return Some(told);
    }
    for ((part_there, theirs), (part_here, ours)) in theirs.iter().zip(ours) {
        if part_there != part_here {
            return Some(format!(
                "the {part}s of `{name}` are in another order there"
            ));
        }
        if theirs != ours {
            let place = format!("{part} `{part_here}` of `{name}`");
            return Some(format!("{place} is `{theirs}` there and `{ours}` here"));
        }
    }
    None
}

fn part_name(kind: &TypeDefKind) -> &'static str {
    match kind {
        TypeDefKind::Record(_) => "field",
        TypeDefKind::Flags(_) => "flag",
        _ => "case",
    }
}

/// The named parts of a type that has some.
fn parts(resolve: &Resolve, definition: &TypeDef) -> Option<Parts> {
    let nothing = || "nothing".to_owned();
    Some(match &definition.kind {
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter();
            fields
                .map(|field| (field.name.clone(), type_text(resolve, field.ty)))
                .collect()
        }
        TypeDefKind::Variant(variant) => {
            let payload = |ty: Option<Type>| ty.map_or_else(nothing, |ty| type_text(resolve, ty));
            let cases = variant.cases.iter();
            cases
                .map(|case| (case.name.clone(), payload(case.ty)))
                .collect()
        }
        TypeDefKind::Enum(of) => of
            .cases
            .iter()
            .map(|case| (case.name.clone(), nothing()))
            .collect(),
        TypeDefKind::Flags(of) => of
            .flags
            .iter()
            .map(|flag| (flag.name.clone(), nothing()))
            .collect(),
        _ => return None,
    })
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let params: Vec<String> = function
        .params
        .iter()
        .map(|param| format!("{}: {}", param.name, type_text(resolve, param.ty)))
        .collect();
    let result = function
        .result
        .map(|ty| format!(" -> {}", type_text(resolve, ty)));
    format!("func({}){}", params.join(", "), result.unwrap_or_default())
}

/// A type as the contract writes it.
fn type_text(resolve: &Resolve, ty: Type) -> String {
    match ty {
        Type::Id(id) => named(resolve, id),
        Type::Bool => "bool".to_owned(),
        Type::U8 => "u8".to_owned(),
        Type::U16 => "u16".to_owned(),
        Type::U32 => "u32".to_owned(),
        Type::U64 => "u64".to_owned(),
        Type::S8 => "s8".to_owned(),
        Type::S16 => "s16".to_owned(),
        Type::S32 => "s32".to_owned(),
        Type::S64 => "s64".to_owned(),
        Type::F32 => "f32".to_owned(),
        Type::F64 => "f64".to_owned(),
        Type::Char => "char".to_owned(),
        Type::String => "string".to_owned(),
        Type::ErrorContext => "error-context".to_owned(),
    }
}

/// Its name, or what it is made of.
fn named(resolve: &Resolve, id: TypeId) -> String {
    let definition = &resolve.types[id];
    match (&definition.kind, &definition.name) {
        // Of another interface.
        (TypeDefKind::Type(Type::Id(used)), _) => named(resolve, *used),
        (_, Some(name)) => name.clone(),
        _ => structure(resolve, definition),
    }
}

fn structure(resolve: &Resolve, definition: &TypeDef) -> String {
    let text = |ty: &Type| type_text(resolve, *ty);
    let inner = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), text);
    match &definition.kind {
        TypeDefKind::Option(ty) => format!("option<{}>", text(ty)),
        TypeDefKind::List(ty) => format!("list<{}>", text(ty)),
        TypeDefKind::Result(of) => match (&of.ok, &of.err) {
            (None, None) => "result".to_owned(),
            (ok, err) => format!("result<{}, {}>", inner(ok), inner(err)),
        },
        TypeDefKind::Tuple(of) => {
            let types: Vec<String> = of.types.iter().map(text).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Handle(Handle::Own(id)) => named(resolve, *id),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", named(resolve, *id)),
        TypeDefKind::Type(ty) => text(ty),
        other => other.as_str().to_owned(),
    }
}
