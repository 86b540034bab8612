//! `keys.KeysAnonymous` (contract keys-devices §8.2): keys for whoever does not say who they are. Not to be let in is an answer, the
//! same one whether there is no such account or it does not open.

use futures::StreamExt as _;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::error::ApiError;
use crate::grpc::asking::{answer, parts};
use crate::grpc::fields;
use crate::grpc::proto::org::signal::chat::errors::{FailedUnidentifiedAuthorization, NotFound};
use crate::grpc::proto::org::signal::chat::keys::get_pre_keys_anonymous_request::Authorization;
use crate::grpc::proto::org::signal::chat::keys::keys_anonymous_server::KeysAnonymous;
use crate::grpc::proto::org::signal::chat::keys::{self, get_pre_keys_anonymous_response};
use crate::grpc::status::Refusal;
use crate::prekeys::PrekeysController;
use crate::prekeys::access::{AccessKey, Asker};
use crate::prekeys::identity_check::{AT_ONCE, MOST};
use crate::registry::Registry;

#[tonic::async_trait]
impl KeysAnonymous for Registry {
    async fn get_pre_keys(
        &self,
        request: Request<keys::GetPreKeysAnonymousRequest>,
    ) -> Result<Response<keys::GetPreKeysAnonymousResponse>, Status> {
        use get_pre_keys_anonymous_response::Response;
        answer(request, |_, asked| async move {
            let wanted = fields::present("request", asked.request)?;
            let bundles = match fields::present("authorization", asked.authorization)? {
                Authorization::UnidentifiedAccessKey(key) => {
                    let key = AccessKey::new(fields::exactly("unidentified_access_key", &key)?);
                    self.bundles_for(&Asker::Unidentified(Some(key)), wanted).await
                }
                Authorization::UnrestrictedAccess(()) => self.bundles_for(&Asker::Unidentified(None), wanted).await,
                // Who issues these tokens shares a secret with whoever judges them, and we have none.
                Authorization::GroupSendToken(_) => Err(Refusal::Api(ApiError::Unauthorized)),
            };
            let response = match bundles {
                Ok(bundles) => Response::PreKeys(bundles),
                Err(Refusal::Api(ApiError::NotFound)) => Response::TargetNotFound(NotFound {}),
                Err(Refusal::Api(ApiError::Unauthorized)) => {
                    Response::FailedUnidentifiedAuthorization(FailedUnidentifiedAuthorization::default())
                }
                Err(refusal) => return Err(refusal),
            };
            Ok(keys::GetPreKeysAnonymousResponse { response: Some(response) })
        })
        .await
    }

    /// One permit for a stream, which is as long as a batch may be.
    async fn check_identity_keys(
        &self,
        request: Request<Streaming<keys::CheckIdentityKeyRequest>>,
    ) -> Result<Response<BoxStream<keys::CheckIdentityKeyResponse>>, Status> {
        let (asking, asked) = parts(request)?;
        let method = asking.method.path;
        let charged = self.prekeys.charge_check(asking.client).await;
        charged.map_err(|error| Refusal::from(error).into_status(method))?;
        let prekeys = self.prekeys.clone();
        let looks = asked.enumerate().map(move |(n, asked)| {
            let prekeys = prekeys.clone();
            async move {
                let asked = asked.map_err(|_| Refusal::Unreadable)?;
                if n < MOST { look(&prekeys, asked).await } else { Err(Refusal::Constraint("length of the stream")) }
            }
        });
        let changed = looks.buffered(AT_ONCE).filter_map(async |looked| looked.transpose());
        Ok(Response::new(Box::pin(changed.map(move |changed| changed.map_err(|refusal| refusal.into_status(method))))))
    }
}

async fn look(
    prekeys: &PrekeysController,
    asked: keys::CheckIdentityKeyRequest,
) -> Result<Option<keys::CheckIdentityKeyResponse>, Refusal> {
    let identity = fields::service_id("target_identifier", asked.target_identifier)?;
    let known = fields::exactly("fingerprint", &asked.fingerprint)?;
    let changed = prekeys.changed(identity, known).await.map_err(ApiError::from)?;
    Ok(changed.map(|key| keys::CheckIdentityKeyResponse {
        target_identifier: Some(fields::service_identifier(identity)),
        identity_key: key.as_bytes().to_vec(),
    }))
}
