//! Values of the contract as JSON, both ways and without a binding: what a person types for a call,
//! and reads of its answer.
//!
//! A record is an object; an option is its value or `null`; a case without a value is its name, and
//! one with a value an object of one key; flags are a list of names; a result is `{"ok": …}` or
//! `{"error": …}`; bytes are text where they are text, else `{"base64": …}`. What may be absent or
//! empty can be left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value as Json, json};
use wasmtime::component::types::{Field, Record, Variant};
use wasmtime::component::{ResourceAny, ResourceType, Type, Val};

/// What a value is not, and where.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ValueError {
    place: String,
    message: String,
}

impl ValueError {
    /// Of the value at `place`.
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        let (place, message) = (place.into(), message.into());
        Self { place, message }
    }
}

/// What stands in for a resource that a function is lent.
pub type Lend<'l> = dyn FnMut(&ResourceType) -> Option<ResourceAny> + 'l;
/// What a resource that a function returns is shown as.
pub type Show<'s> = dyn FnMut(ResourceAny) -> Json + 's;

/// The value of type `ty` that `json` writes; none is what was left out. `place` names it where
/// something is wrong.
pub fn read(
    json: Option<&Json>,
    ty: &Type,
    place: &str,
    lend: &mut Lend<'_>,
) -> Result<Val, ValueError> {
    let Some(json) = json else {
        return absent(ty, place, lend);
    };
    Ok(match ty {
        Type::List(list) if list.ty() == Type::U8 => {
            Val::List(read_bytes(json, place)?.into_iter().map(Val::U8).collect())
        }
        Type::List(list) => {
            let items = expect(json.as_array(), place, "a list")?;
            Val::List(read_all(items, std::iter::repeat(list.ty()), place, lend)?)
        }
        Type::Tuple(tuple) => {
            let items = json
                .as_array()
                .filter(|items| items.len() == tuple.types().len());
            let items = expect(items, place, &format!("a list of {}", tuple.types().len()))?;
            Val::Tuple(read_all(items, tuple.types(), place, lend)?)
        }
        Type::Record(record) => read_record(json, record, place, lend)?,
        Type::Variant(variant) => read_variant(json, variant, place, lend)?,
        Type::Option(_) if json.is_null() => Val::Option(None),
        Type::Option(option) => {
            Val::Option(Some(Box::new(read(Some(json), &option.ty(), place, lend)?)))
        }
        // Whatever stands there describes the resource, and was read by who lends it.
        Type::Own(_) | Type::Borrow(_) => return absent(ty, place, lend),
        _ => read_scalar(json, ty, place)?,
    })
}

fn read_scalar(json: &Json, ty: &Type, place: &str) -> Result<Val, ValueError> {
    Ok(match ty {
        Type::Bool => Val::Bool(expect(json.as_bool(), place, "true or false")?),
        Type::S8 => Val::S8(integer(json, place)?),
        Type::U8 => Val::U8(integer(json, place)?),
        Type::S16 => Val::S16(integer(json, place)?),
        Type::U16 => Val::U16(integer(json, place)?),
        Type::S32 => Val::S32(integer(json, place)?),
        Type::U32 => Val::U32(integer(json, place)?),
        Type::S64 => Val::S64(integer(json, place)?),
        Type::U64 => Val::U64(integer(json, place)?),
        Type::Float32 => Val::Float32(expect(json.as_f64(), place, "a number")? as f32),
        Type::Float64 => Val::Float64(expect(json.as_f64(), place, "a number")?),
        Type::String => Val::String(expect(json.as_str(), place, "a text")?.to_owned()),
        Type::Enum(of) => Val::Enum(name(json, of.names(), place)?),
        Type::Flags(flags) => {
            let names = expect(json.as_array(), place, "a list of names")?.iter();
            let set: Result<_, _> = names.map(|json| name(json, flags.names(), place)).collect();
            Val::Flags(set?)
        }
        _ => {
            return Err(ValueError::new(
                place,
                "no function of the contract takes this type",
            ));
        }
    })
}

fn read_all(
    items: &[Json],
    types: impl Iterator<Item = Type>,
    place: &str,
    lend: &mut Lend<'_>,
) -> Result<Vec<Val>, ValueError> {
    let items = items.iter().zip(types).enumerate();
    let item = |(at, (json, ty)): (usize, (_, Type))| {
        read(Some(json), &ty, &format!("{place}[{at}]"), lend)
    };
    items.map(item).collect()
}

fn read_record(
    json: &Json,
    record: &Record,
    place: &str,
    lend: &mut Lend<'_>,
) -> Result<Val, ValueError> {
    let object = expect(json.as_object(), place, "an object")?;
    let known: Vec<&str> = record.fields().map(|field| field.name).collect();
    known_keys(object, &known, place)?;
    let mut fields = Vec::new();
    for field in record.fields() {
        let place = format!("{place}.{}", field.name);
        let value = read(object.get(field.name), &field.ty, &place, lend)?;
        fields.push((field.name.to_owned(), value));
    }
    Ok(Val::Record(fields))
}

fn read_variant(
    json: &Json,
    variant: &Variant,
    place: &str,
    lend: &mut Lend<'_>,
) -> Result<Val, ValueError> {
    let (case, payload) = case(json, place)?;
    let ty = variant.cases().find(|known| known.name == case);
    let names = variant.cases().map(|case| case.name);
    let ty = ty
        .ok_or_else(|| ValueError::new(place, format!("write {}", one_of(names))))?
        .ty;
    let payload = match (ty, payload) {
        (Some(ty), payload) => {
            let place = format!("{place}.{case}");
            Some(Box::new(read(payload, &ty, &place, lend)?))
        }
        (None, Some(_)) => {
            let message = format!("write {case:?} without a value");
            return Err(ValueError::new(place, message));
        }
        (None, None) => None,
    };
    Ok(Val::Variant(case.to_owned(), payload))
}

/// One of the names that are known.
fn name<'n>(
    json: &Json,
    known: impl Iterator<Item = &'n str>,
    place: &str,
) -> Result<String, ValueError> {
    let known: Vec<&str> = known.collect();
    let name = json.as_str().filter(|name| known.contains(name));
    Ok(expect(name, place, &one_of(known.into_iter()))?.to_owned())
}

/// What a value is that was left out.
fn absent(ty: &Type, place: &str, lend: &mut Lend<'_>) -> Result<Val, ValueError> {
    Ok(match ty {
        Type::Option(_) => Val::Option(None),
        Type::List(_) => Val::List(Vec::new()),
        Type::Flags(_) => Val::Flags(Vec::new()),
        Type::Own(resource) | Type::Borrow(resource) => match lend(resource) {
            Some(lent) => Val::Resource(lent),
            None => return Err(ValueError::new(place, "there is nothing to lend here")),
        },
        _ => return Err(ValueError::new(place, "it is missing")),
    })
}

fn expect<T>(found: Option<T>, place: &str, what: &str) -> Result<T, ValueError> {
    found.ok_or_else(|| ValueError::new(place, format!("write {what}")))
}

fn integer<T: TryFrom<i128>>(json: &Json, place: &str) -> Result<T, ValueError> {
    let number = json
        .as_i64()
        .map(i128::from)
        .or(json.as_u64().map(i128::from));
    let fits = number.and_then(|number| T::try_from(number).ok());
    let bits = 8 * size_of::<T>();
    expect(
        fits,
        place,
        &format!("a whole number that fits {bits} bits"),
    )
}

/// Text, numbers or `{"base64": …}`.
pub fn read_bytes(json: &Json, place: &str) -> Result<Vec<u8>, ValueError> {
    let bytes = match json {
        Json::String(text) => Some(text.clone().into_bytes()),
        Json::Array(items) => {
            let byte = |item: &Json| item.as_u64().and_then(|byte| u8::try_from(byte).ok());
            items.iter().map(byte).collect()
        }
        Json::Object(_) => {
            let text = json.get("base64").and_then(Json::as_str);
            text.and_then(|text| BASE64.decode(text).ok())
        }
        _ => None,
    };
    let what = "a text, a list of bytes or {\"base64\": …}";
    expect(bytes, place, what)
}

/// The name of a case and its value.
fn case<'j>(json: &'j Json, place: &str) -> Result<(&'j str, Option<&'j Json>), ValueError> {
    let named = match json {
        Json::String(name) => Some((name.as_str(), None)),
        Json::Object(object) if object.len() == 1 => object
            .iter()
            .next()
            .map(|(name, value)| (name.as_str(), Some(value))),
        _ => None,
    };
    expect(
        named,
        place,
        "the name of a case, or an object of it and its value",
    )
}

/// Nothing that would be passed over in silence.
pub fn known_keys(
    object: &Map<String, Json>,
    known: &[&str],
    place: &str,
) -> Result<(), ValueError> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => {
            let message = format!(
                "there is no {key:?}; write {}",
                one_of(known.iter().copied())
            );
            Err(ValueError::new(place, message))
        }
        None => Ok(()),
    }
}

fn one_of<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.map(|name| format!("{name:?}")).collect();
    format!("one of {}", names.join(", "))
}

/// A value of type `ty` as JSON.
pub fn write(value: &Val, ty: &Type, show: &mut Show<'_>) -> Json {
    match (value, ty) {
        (Val::Bool(value), _) => json!(value),
        (Val::S8(value), _) => json!(value),
        (Val::U8(value), _) => json!(value),
        (Val::S16(value), _) => json!(value),
        (Val::U16(value), _) => json!(value),
        (Val::S32(value), _) => json!(value),
        (Val::U32(value), _) => json!(value),
        (Val::S64(value), _) => json!(value),
        (Val::U64(value), _) => json!(value),
        (Val::Float32(value), _) => json!(value),
        (Val::Float64(value), _) => json!(value),
        (Val::Char(value), _) => json!(value),
        (Val::String(value) | Val::Enum(value), _) => json!(value),
        (Val::Flags(names), _) => json!(names),
        (Val::List(_), Type::List(list)) if list.ty() == Type::U8 => written_bytes(bytes(value)),
        (Val::List(items), Type::List(list)) => items
            .iter()
            .map(|item| write(item, &list.ty(), show))
            .collect(),
        (Val::Tuple(items), Type::Tuple(tuple)) => {
            let items = items.iter().zip(tuple.types());
            items.map(|(item, ty)| write(item, &ty, show)).collect()
        }
        (Val::Record(values), Type::Record(record)) => {
            let fields = record.fields().zip(values);
            let field = |(field, (name, value)): (Field<'_>, &(String, Val))| {
                (name.clone(), write(value, &field.ty, show))
            };
            Json::Object(fields.map(field).collect())
        }
        (Val::Variant(name, payload), Type::Variant(variant)) => {
            let case = variant.cases().find(|case| case.name == name);
            match payload.as_deref().zip(case.and_then(|case| case.ty)) {
                Some((payload, ty)) => json!({ name: write(payload, &ty, show) }),
                None => json!(name),
            }
        }
        (Val::Option(None), _) => Json::Null,
        (Val::Option(Some(value)), Type::Option(option)) => write(value, &option.ty(), show),
        (Val::Result(Ok(value)), Type::Result(result)) => {
            json!({ "ok": optional(value.as_deref(), result.ok(), show) })
        }
        (Val::Result(Err(value)), Type::Result(result)) => {
            json!({ "error": optional(value.as_deref(), result.err(), show) })
        }
        (Val::Resource(resource), _) => show(*resource),
        (other, _) => json!(format!("{other:?}")),
    }
}

fn optional(value: Option<&Val>, ty: Option<Type>, show: &mut Show<'_>) -> Json {
    let value = value.zip(ty).map(|(value, ty)| write(value, &ty, show));
    value.unwrap_or_default()
}

/// The bytes of a list of them; none of anything else.
pub fn bytes(list: &Val) -> Vec<u8> {
    let Val::List(items) = list else {
        return Vec::new();
    };
    let byte = |item: &Val| match item {
        Val::U8(byte) => Some(*byte),
        _ => None,
    };
    items.iter().filter_map(byte).collect()
}

/// A text, where they are one.
pub fn written_bytes(bytes: Vec<u8>) -> Json {
    match String::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(error) => json!({ "base64": BASE64.encode(error.as_bytes()) }),
    }
}
