//! `credentials.Credentials` and `credentials.CredentialsAnonymous` (contract keys-devices §8.5), as far as they are about secure value
//! recovery. What is asked is read before a permit is taken, unlike in REST.

use tonic::{Request, Response, Status};

use super::asking::answer;
use super::proto::org::signal::chat::credentials;
use super::proto::org::signal::chat::credentials::credentials_anonymous_server::CredentialsAnonymous;
use super::proto::org::signal::chat::credentials::credentials_server::Credentials;
use super::proto::org::signal::chat::credentials::{AuthCheckResult, ExternalServiceType};
use super::status::Refusal;
use crate::registry::Registry;
use crate::svr::controller::{Question, Verdict};

#[tonic::async_trait]
impl Credentials for Registry {
    async fn get_external_service_credentials(
        &self,
        request: Request<credentials::GetExternalServiceCredentialsRequest>,
    ) -> Result<Response<credentials::GetExternalServiceCredentialsResponse>, Status> {
        answer(request, |asking, asked| async move {
            match ExternalServiceType::try_from(asked.external_service) {
                Ok(ExternalServiceType::Svr) => {
                    let crate::svr::Credentials { username, password } = self.svr.issue_to(asking.caller()?);
                    Ok(credentials::GetExternalServiceCredentialsResponse { username, password })
                }
                Ok(ExternalServiceType::Unspecified) | Err(_) => Err(Refusal::Constraint("external_service")),
                Ok(_) => Err(Refusal::Unimplemented),
            }
        })
        .await
    }
}

#[tonic::async_trait]
impl CredentialsAnonymous for Registry {
    async fn check_svr_credentials(
        &self,
        request: Request<credentials::CheckSvrCredentialsRequest>,
    ) -> Result<Response<credentials::CheckSvrCredentialsResponse>, Status> {
        answer(request, |asking, asked| async move {
            let question = Question::read(&asked.number, asked.passwords)?;
            self.svr.charge(asking.client).await?;
            let verdicts = self.svr.verdicts(&question).await?;
            let result = |(token, verdict): (&str, Verdict)| (token.to_owned(), AuthCheckResult::from(verdict).into());
            Ok(credentials::CheckSvrCredentialsResponse { matches: verdicts.into_iter().map(result).collect() })
        })
        .await
    }
}

impl From<Verdict> for AuthCheckResult {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Match => Self::Match,
            Verdict::NoMatch => Self::NoMatch,
            Verdict::Invalid => Self::Invalid,
        }
    }
}
