//! Who asks and whether they may: the server's way to authentication, impersonation and RBAC.
//! The rules themselves are auth's.

use axum::http::{Extensions, HeaderMap};

use super::path::ResourcePath;
use crate::sim::apiserver::auth::user::User;
use crate::sim::apiserver::endpoints::ApiServer;
use crate::sim::apiserver::status::Result;

pub struct Access {}
pub struct Attributes {}
impl Attributes {
    pub fn of_resource(_: &User, _: &str, _: &ResourcePath) -> Self {
        Self {}
    }
    pub fn of_path(_: &User, _: &str, _: &str) -> Self {
        Self {}
    }
}
impl Access {
    pub fn authenticate(&self, _: &ApiServer, _: &HeaderMap, extensions: &Extensions) -> Result<User> {
        Ok(extensions.get::<User>().cloned().unwrap_or_default())
    }
    pub fn authorize(&self, _: &ApiServer, _: &Attributes) -> Result<()> {
        Ok(())
    }
}
