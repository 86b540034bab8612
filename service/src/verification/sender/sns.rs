//! AWS SNS. It sends SMS and makes no calls.
//!
//! The SDK's own retries are off: an SMS whose answer got lost may have gone out, and a second one costs money and confuses.
//! Only a request that never reached anybody is made once more.
//!
//! What SNS says in words may name the number, so only its error codes are logged.

use std::time::Duration;

use aws_sdk_sns::Client;
use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::config::timeout::TimeoutConfig;
use aws_sdk_sns::config::{BehaviorVersion, Config, Credentials, Region, StalledStreamProtectionConfig};
use aws_sdk_sns::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sns::operation::publish::PublishError;
use aws_sdk_sns::types::MessageAttributeValue;
use signet_storage::aws;
use signet_storage::model::session::Transport;

use super::{Delivery, Failure, SenderError, cause};

#[derive(Clone)]
pub struct Sns {
    client: Client,
    sender_id: Option<String>,
}

type Refusal = SdkError<PublishError>;

impl Sns {
    pub async fn open(config: &signet_config::Sns, connect_within: Duration) -> Result<Self, SenderError> {
        let common = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .http_client(aws::https())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(connect_within).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let common = match config.access_key_id.clone().zip(config.secret_access_key.as_ref()) {
            Some((id, secret)) => {
                common.credentials_provider(Credentials::new(id, secret.expose().clone(), None, None, "configuration"))
            }
            None => common.credentials_provider(aws::credentials(&config.region).await?),
        };
        let common = match &config.endpoint {
            Some(endpoint) => common.endpoint_url(endpoint.clone()),
            None => common,
        };
        Ok(Self { client: Client::from_conf(common.build()), sender_id: config.sender_id.clone() })
    }

    pub async fn deliver(&self, delivery: &Delivery, text: &str) -> Result<(), Failure> {
        if delivery.transport == Transport::Voice {
            return Err(Failure::TransportNotAllowed);
        }
        let number = delivery.number.as_str();
        let first = match self.publish(number, text).await {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal,
        };
        if !reached_nobody(&first) {
            return Err(judge(&first));
        }
        self.publish(number, text).await.map_err(|again| judge(&again))
    }

    async fn publish(&self, number: &str, text: &str) -> Result<(), Box<Refusal>> {
        let mut message = self
            .client
            .publish()
            .phone_number(number)
            .message(text)
            .message_attributes("AWS.SNS.SMS.SMSType", attribute("Transactional"));
        if let Some(sender_id) = &self.sender_id {
            message = message.message_attributes("AWS.SNS.SMS.SenderID", attribute(sender_id));
        }
        message.send().await.map(drop).map_err(Box::new)
    }
}

fn attribute(value: &str) -> MessageAttributeValue {
    let attribute = MessageAttributeValue::builder().data_type("String").string_value(value);
    attribute.build().expect("the data type is set")
}

/// No connection was made, so nothing was sent. What else goes wrong on the way may have happened after the request had
/// arrived.
fn reached_nobody(refusal: &Refusal) -> bool {
    match refusal {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => match cause::<hyper_util::client::legacy::Error>(refusal) {
            Some(error) => error.is_connect(),
            // It failed before the connector was asked: no credentials, say.
            None => !failure.is_timeout(),
        },
        _ => false,
    }
}

fn judge(refusal: &Refusal) -> Failure {
    if reached_nobody(refusal) {
        return Failure::UNAVAILABLE;
    }
    let SdkError::ServiceError(answer) = refusal else { return Failure::Unknown };
    let (status, code) = (answer.raw().status().as_u16(), answer.err().code().unwrap_or_default());
    let opted_out = answer.err().message().is_some_and(|message| message.to_lowercase().contains("opted out"));
    let failure = by_code(code, status, opted_out);
    let code = if code.bytes().all(|b| b.is_ascii_alphanumeric()) { code } else { "not a word" };
    match failure {
        // Not the number's fault, and nothing that passes: the operator has to do something.
        Failure::UNAVAILABLE if (400..500).contains(&status) && !is_throttling(code) => {
            tracing::error!(status, code, "SNS refuses this registry");
        }
        _ => tracing::warn!(status, code, "SNS refused a message"),
    }
    failure
}

fn by_code(code: &str, status: u16, opted_out: bool) -> Failure {
    match code {
        "OptedOut" | "OptedOutException" => Failure::REJECTED,
        "InvalidParameter"
        | "InvalidParameterValue"
        | "ParameterValueInvalid"
        | "ValidationException"
        | "ValidationError" => {
            if opted_out {
                Failure::REJECTED
            } else {
                Failure::ILLEGAL
            }
        }
        // Accepted in words that cannot be read, or a gateway between us and SNS lost the answer.
        _ if matches!(status, 200..300 | 502 | 504) => Failure::Unknown,
        _ => Failure::UNAVAILABLE,
    }
}

fn is_throttling(code: &str) -> bool {
    code.contains("Throttl") || matches!(code, "RequestLimitExceeded" | "TooManyRequestsException" | "SlowDown")
}
