//! Paths, listings, and operations before they touch storage.

use crate::export::{self, Instance};
use crate::wasm::bindings::listing_filter::exports::wharf::plugin::listing_filter;
use crate::wasm::bindings::path_mapper::exports::wharf::plugin::path_mapper;
use crate::wasm::bindings::storage_guard::exports::wharf::plugin::storage_guard;
use crate::wasm::bindings::types;
use crate::{
    Decision, Failure, Intent, ListingFilter, Mount, PathMapper, Resolution, Session, StorageGuard,
};

impl<I: Instance<Plugin: PathMapper>> path_mapper::Guest for I {
    fn mounts(client: &types::Session) -> Result<Vec<path_mapper::Mount>, types::Failure> {
        let mounts = export::call::<I, _, Failure>(|plugin| plugin.mounts(&Session(client)))?;
        Ok(mounts.into_iter().map(Into::into).collect())
    }

    fn locate(
        client: &types::Session,
        what: types::Operation,
        path: String,
    ) -> Result<path_mapper::Resolution, types::Failure> {
        let resolution = export::call::<I, _, Failure>(|plugin| {
            plugin.locate(&Session(client), what.into(), &path)
        })?;
        Ok(match resolution {
            Resolution::At(place) => path_mapper::Resolution::At(place.into()),
            Resolution::Deny(denial) => path_mapper::Resolution::Deny(denial.into()),
            Resolution::Pass => path_mapper::Resolution::Pass,
        })
    }
}

impl From<Mount> for path_mapper::Mount {
    fn from(
        Mount {
            directory,
            target,
            allow,
            dynamic,
        }: Mount,
    ) -> Self {
        Self {
            directory,
            target: target.into(),
            allow: allow.into(),
            dynamic,
        }
    }
}

impl<I: Instance<Plugin: ListingFilter>> listing_filter::Guest for I {
    fn shape(
        client: &types::Session,
        directory: String,
        page: Vec<types::Entry>,
        last: bool,
    ) -> Result<Vec<types::Entry>, types::Failure> {
        let page = page.into_iter().map(Into::into).collect();
        let shaped = export::call::<I, _, Failure>(|plugin| {
            plugin.shape(&Session(client), &directory, page, last)
        })?;
        Ok(shaped.into_iter().map(Into::into).collect())
    }
}

impl<I: Instance<Plugin: StorageGuard>> storage_guard::Guest for I {
    fn before(
        client: &types::Session,
        what: storage_guard::Intent,
    ) -> Result<storage_guard::Decision, types::Failure> {
        let intent = what.into();
        let decision =
            export::call::<I, _, Failure>(|plugin| plugin.before(&Session(client), &intent))?;
        Ok(match decision {
            Decision::Allow => storage_guard::Decision::Allow,
            Decision::Redirect(place) => storage_guard::Decision::Redirect(place.into()),
            Decision::Deny(denial) => storage_guard::Decision::Deny(denial.into()),
        })
    }
}

impl From<storage_guard::Intent> for Intent {
    fn from(intent: storage_guard::Intent) -> Self {
        Self {
            what: intent.what.into(),
            path: intent.path,
            place: intent.place.into(),
            new_path: intent.new_path,
            new_place: intent.new_place.map(Into::into),
            size_hint: intent.size_hint,
            offset: intent.offset,
            existing: intent.existing,
        }
    }
}
