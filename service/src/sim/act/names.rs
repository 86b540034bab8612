//! Steps about usernames.

use super::Actor;
use crate::call::Method;
use crate::sim::model::{Credentials, NameAct};
use crate::sim::town::Reply;
use crate::sim::usernames;

impl Actor<'_> {
    pub(super) async fn ask_about_name(&self, by: &Credentials, asks: NameAct) -> Reply {
        let (method, path, body) = match asks {
            NameAct::Reserve { name } => {
                (Method::Put, "/v1/accounts/username_hash/reserve", Some(usernames::reservation(name)))
            }
            NameAct::Confirm { name, with_link } => {
                (Method::Put, "/v1/accounts/username_hash/confirm", Some(usernames::confirmation(name, with_link)))
            }
            NameAct::Clear => (Method::Delete, "/v1/accounts/username_hash", None),
            NameAct::Link { keep } => (Method::Put, "/v1/accounts/username_link", Some(usernames::link(keep))),
        };
        self.as_device(by, method, path, body).await
    }

    pub(super) async fn look_up(&self, name: u8) -> Reply {
        let hash = usernames::encoded(&usernames::name(name).hash);
        self.town.call(Method::Get, &format!("/v1/accounts/username_hash/{hash}"), None, None).await
    }
}
