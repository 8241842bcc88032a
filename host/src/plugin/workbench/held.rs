//! What a storage back end hands out for one transfer: a reader is read to its end, an upload is
//! filled and published, as the host would do it.

use serde_json::{Value as Json, json};
use wasmtime::component::{ResourceAny, Type, Val};

use super::{Trial, TrialError, value};
use crate::plugin::fault::CallError;

/// Bytes that are asked for or handed over at once, as the host does.
const PIECE: u32 = 256 * 1024;
/// Of a file that is shown.
const MAX_SHOWN: usize = 1024 * 1024;

/// What `results` hand out, if they do.
pub fn of(results: &[Val]) -> Option<ResourceAny> {
    match results {
        [Val::Result(Ok(Some(value)))] => match **value {
            Val::Resource(held) => Some(held),
            _ => None,
        },
        _ => None,
    }
}

impl Trial<'_> {
    /// What came of the whole transfer; nothing, where what is held is for something else.
    pub(super) async fn used(
        &mut self,
        held: ResourceAny,
        input: &Json,
    ) -> Result<Option<Json>, TrialError> {
        if self.is_of("[method]reader.read", held) {
            self.read(held).await.map(Some)
        } else if self.is_of("[method]upload.publish", held) {
            self.store(held, input).await.map(Some)
        } else {
            Ok(None)
        }
    }

    /// Its content, up to [`MAX_SHOWN`].
    async fn read(&mut self, reader: ResourceAny) -> Result<Json, TrialError> {
        let mut content = Vec::new();
        while content.len() < MAX_SHOWN {
            let length = [Val::Resource(reader), Val::U32(PIECE)];
            let (answer, shown) = self.method("[method]reader.read", &length).await?;
            let Val::Result(Ok(Some(piece))) = answer else {
                return Ok(shown);
            };
            match value::bytes(&piece) {
                piece if piece.is_empty() => break,
                piece => content.extend(piece),
            }
        }
        Ok(json!({ "ok": value::written_bytes(content) }))
    }

    /// Stores the input's `content` at its `key`, over what is there unless `replace` is false.
    async fn store(&mut self, upload: ResourceAny, input: &Json) -> Result<Json, TrialError> {
        let content = match input.get("content") {
            Some(content) => value::read_bytes(content, "content")?,
            None => Vec::new(),
        };
        for piece in content.chunks(PIECE as usize) {
            let piece = piece.iter().copied().map(Val::U8).collect();
            let piece = [Val::Resource(upload), Val::List(piece)];
            let (answer, shown) = self.method("[method]upload.write", &piece).await?;
            if matches!(answer, Val::Result(Err(_))) {
                return Ok(shown);
            }
        }
        let key = input["key"].as_str().unwrap_or_default().to_owned();
        let replace = input["replace"].as_bool().unwrap_or(true);
        let publish = [Val::Resource(upload), Val::String(key), Val::Bool(replace)];
        Ok(self.method("[method]upload.publish", &publish).await?.1)
    }

    /// Whether there is such a method, of the resource that is held.
    fn is_of(&mut self, name: &str, held: ResourceAny) -> bool {
        self.function_of(name).is_some_and(|method| {
            let ty = method.ty(&self.instance.store);
            let mut params = ty.params();
            params
                .next()
                .is_some_and(|(_, ty)| ty == Type::Borrow(held.ty()))
        })
    }

    fn function_of(&mut self, name: &str) -> Option<wasmtime::component::Func> {
        let (exported, store) = (self.instance.instance, &mut self.instance.store);
        let index = exported.get_export_index(&mut *store, Some(&self.interface), name)?;
        exported.get_func(&mut *store, index)
    }

    /// What a method answers, and how that is shown.
    async fn method(&mut self, name: &str, values: &[Val]) -> Result<(Val, Json), TrialError> {
        let missing = || CallError::Nonsense(format!("it has no {name}"));
        let method = self.function_of(name).ok_or_else(missing)?;
        let ty = method.ty(&self.instance.store);
        let mut results = self.ask(method, values, ty.results().len()).await?;
        let answered = results.pop().zip(ty.results().next());
        let (answer, ty) = answered.ok_or_else(missing)?;
        let shown = value::write(&answer, &ty, &mut |_| json!("a resource"));
        Ok((answer, shown))
    }
}
