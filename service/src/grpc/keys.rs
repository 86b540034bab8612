//! `keys.Keys` (contract keys-devices §8.2), for devices; [`anonymous`] is for the others. Whatever is decided, `prekeys` decides. Two
//! things gRPC does otherwise than REST: a permit is taken also by who asks for somebody who is not there, and not to find anybody
//! is an answer and no error.

mod anonymous;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use signet_keys::{Bundle, Kind, UncheckedKeys};
use signet_storage::ids::ServiceId;
use tonic::{Request, Response, Status};

use super::asking::{Asking, answer};
use super::fields;
use super::proto::org::signal::chat::errors::NotFound;
use super::proto::org::signal::chat::keys::keys_server::Keys;
use super::proto::org::signal::chat::keys::{self, get_pre_keys_response};
use super::status::Refusal;
use crate::error::ApiError;
use crate::prekeys::IdentityType;
use crate::prekeys::access::{Asker, Wanted};
use crate::prekeys::fetch::AccountBundles;
use crate::registry::Registry;

#[tonic::async_trait]
impl Keys for Registry {
    async fn get_pre_key_count(
        &self,
        request: Request<keys::GetPreKeyCountRequest>,
    ) -> Result<Response<keys::GetPreKeyCountResponse>, Status> {
        answer(request, |asking, _| async move {
            let left = async |identity| self.prekeys.left(asking.caller()?, identity).await.map_err(Refusal::from);
            let (aci, pni) = tokio::try_join!(left(IdentityType::Aci), left(IdentityType::Pni))?;
            let [aci_ec, aci_kem, pni_ec, pni_kem] =
                [aci[Kind::Ec as usize], aci[Kind::Kem as usize], pni[Kind::Ec as usize], pni[Kind::Kem as usize]]
                    .map(|count| u32::try_from(count).unwrap_or(u32::MAX));
            Ok(keys::GetPreKeyCountResponse {
                aci_ec_pre_key_count: aci_ec,
                aci_kem_pre_key_count: aci_kem,
                pni_ec_pre_key_count: pni_ec,
                pni_kem_pre_key_count: pni_kem,
            })
        })
        .await
    }

    async fn get_pre_keys(
        &self,
        request: Request<keys::GetPreKeysRequest>,
    ) -> Result<Response<keys::GetPreKeysResponse>, Status> {
        use get_pre_keys_response::Response;
        answer(request, |asking, asked| async move {
            let response = match self.bundles_for(&Asker::Account(asking.caller()?), asked).await {
                Ok(bundles) => Response::PreKeys(bundles),
                Err(Refusal::Api(ApiError::NotFound)) => Response::TargetNotFound(NotFound {}),
                Err(refusal) => return Err(refusal),
            };
            Ok(keys::GetPreKeysResponse { response: Some(response) })
        })
        .await
    }

    async fn set_one_time_ec_pre_keys(
        &self,
        request: Request<keys::SetOneTimeEcPreKeysRequest>,
    ) -> Result<Response<keys::SetPreKeyResponse>, Status> {
        answer(request, |asking, asked| async move {
            let one_time = asked.pre_keys.iter().map(fields::ec_pre_key).collect::<Result<Vec<_>, _>>()?;
            let some = (!one_time.is_empty()).then_some(one_time);
            let one_time = fields::present("pre_keys", some)?;
            self.set(&asking, asked.identity_type, UncheckedKeys { one_time, ..UncheckedKeys::default() }).await
        })
        .await
    }

    async fn set_one_time_kem_signed_pre_keys(
        &self,
        request: Request<keys::SetOneTimeKemSignedPreKeysRequest>,
    ) -> Result<Response<keys::SetPreKeyResponse>, Status> {
        answer(request, |asking, asked| async move {
            let one_time_kem = asked.pre_keys.iter().map(fields::kem_pre_key).collect::<Result<Vec<_>, _>>()?;
            let some = (!one_time_kem.is_empty()).then_some(one_time_kem);
            let one_time_kem = fields::present("pre_keys", some)?;
            self.set(&asking, asked.identity_type, UncheckedKeys { one_time_kem, ..UncheckedKeys::default() }).await
        })
        .await
    }

    async fn set_ec_signed_pre_key(
        &self,
        request: Request<keys::SetEcSignedPreKeyRequest>,
    ) -> Result<Response<keys::SetPreKeyResponse>, Status> {
        answer(request, |asking, asked| async move {
            let signed = fields::signed_pre_key(&fields::present("signed_pre_key", asked.signed_pre_key)?)?;
            let keys = UncheckedKeys { signed: Some(signed), ..UncheckedKeys::default() };
            self.set(&asking, asked.identity_type, keys).await
        })
        .await
    }

    async fn set_kem_last_resort_pre_key(
        &self,
        request: Request<keys::SetKemLastResortPreKeyRequest>,
    ) -> Result<Response<keys::SetPreKeyResponse>, Status> {
        answer(request, |asking, asked| async move {
            let last_resort = fields::kem_pre_key(&fields::present("signed_pre_key", asked.signed_pre_key)?)?;
            let keys = UncheckedKeys { last_resort: Some(last_resort), ..UncheckedKeys::default() };
            self.set(&asking, asked.identity_type, keys).await
        })
        .await
    }
}

impl Registry {
    /// The bundles that this request is for.
    async fn bundles_for(
        &self,
        asker: &Asker<'_>,
        asked: keys::GetPreKeysRequest,
    ) -> Result<keys::AccountPreKeyBundles, Refusal> {
        let identity = fields::service_id("target_identifier", asked.target_identifier)?;
        let wanted = match asked.device_id.map(fields::device_id).transpose()? {
            // Ids of devices end where these numbers do.
            Some(id) => i8::try_from(id.get()).map_or(Wanted::Nonsense, Wanted::One),
            None => Wanted::All,
        };
        let target = self.prekeys.target(asker, identity, wanted).await?;
        self.prekeys.charge(asker, &target).await?;
        Ok(self.prekeys.bundles(asker, target).await.map(|bundles| message(identity, bundles))?)
    }

    async fn set(
        &self,
        asking: &Asking,
        identity: i32,
        keys: UncheckedKeys,
    ) -> Result<keys::SetPreKeyResponse, Refusal> {
        self.prekeys.put(asking.caller()?, fields::identity_type(identity)?, keys).await?;
        Ok(keys::SetPreKeyResponse {})
    }
}

fn message(identity: ServiceId, bundles: AccountBundles) -> keys::AccountPreKeyBundles {
    let AccountBundles { account, identity_key, devices } = bundles;
    // Numbers are not written to unseen.
    let is_aci = matches!(identity, ServiceId::Aci(_));
    let access_key = account.unidentified_access_key.as_ref().filter(|_| is_aci);
    keys::AccountPreKeyBundles {
        identity_key: identity_key.as_bytes().to_vec(),
        device_pre_keys: devices.into_iter().map(|(id, bundle)| (id.get().into(), bundle.into())).collect(),
        unrestricted_unidentified_access: is_aci && account.unrestricted_unidentified_access,
        unidentified_access_key_fingerprint: access_key.map_or_else(Vec::new, |key| fingerprint(key.as_bytes())),
    }
}

impl From<Bundle> for keys::DevicePreKeyBundle {
    fn from(bundle: Bundle) -> Self {
        Self {
            ec_signed_pre_key: Some(bundle.signed.into()),
            ec_one_time_pre_key: bundle.one_time.map(Into::into),
            kem_one_time_pre_key: Some(bundle.kem.into()),
            registration_id: bundle.registration_id.get().into(),
        }
    }
}

/// By which whoever has the access key knows it again (contract keys-devices §2.7).
fn fingerprint(access_key: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(access_key).expect("HMAC takes a key of any length");
    mac.update(&[0; 32]);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contract keys-devices §2.7.
    #[test]
    fn the_fingerprint_of_an_access_key() {
        let key: Vec<u8> = (0..16).collect();
        let expected = "75408449540af98099eb936bf6d3ff410547cc82627632f343747054e23bc090";
        assert_eq!(hex::encode(fingerprint(&key)), expected);
    }
}
