//! AWS SNS: against a server that answers as SNS does, and, if `SIGNET_TEST_ENDPOINT` names an emulator, against its SNS.

use serde_json::Value;
use signet_config::{Config, Secret, SenderKind};
use signet_storage::chance::Chance;
use signet_tests::{Reaction, Receiver, Table, TestRegistry};

use super::{NUMBER, begin, code_in, deserted, nexts, registry, request, undeliverable, verifies, without_an_answer};

pub fn to(endpoint: String) -> impl FnOnce(&mut Config) {
    move |config| {
        config.verification.sender = SenderKind::Sns;
        config.sns.endpoint = Some(endpoint);
        config.sns.access_key_id = Some("test".to_owned());
        config.sns.secret_access_key = Some(Secret::new("test".to_owned()));
    }
}

pub fn published() -> Reaction {
    let body = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>m-1\
                </MessageId></PublishResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata>\
                </PublishResponse>";
    Reaction::Answer(200, body.to_owned())
}

fn refused(status: u16, code: &str, message: &str) -> Reaction {
    let body = format!(
        "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
    );
    Reaction::Answer(status, body)
}

async fn start(script: impl IntoIterator<Item = Reaction>) -> (Receiver, TestRegistry) {
    let receiver = Receiver::start(script).await;
    let registry = registry(to(receiver.url()));
    (receiver, registry)
}

#[tokio::test]
async fn a_code_is_one_message() {
    let receiver = Receiver::start([published()]).await;
    let t = registry(|config| {
        to(receiver.url())(config);
        config.sns.sender_id = Some("Us".to_owned());
        config.messages.app = "Our App".to_owned();
        config.messages.android_app_hash = Some("FA+9qCX9VSu".to_owned());
    });
    let id = begin(&t.client, NUMBER).await;
    request(&t.client, &id, "sms", "android-2021-03", "fr-CA").await.expect(200);
    let received = receiver.received();
    let [message] = &received[..] else { panic!("{} requests", received.len()) };
    let field = |name: &str| message.field(name).unwrap_or_default();
    assert_eq!((field("Action").as_str(), field("PhoneNumber").as_str()), ("Publish", NUMBER));
    let text = field("Message");
    let code = code_in(&text);
    assert_eq!(text, format!("Votre code Our App est {code}. Ne le donnez à personne.\nFA+9qCX9VSu"));
    let attributes = (1..=2).map(|n| {
        let part = |part: &str| field(&format!("MessageAttributes.entry.{n}.{part}"));
        (part("Name"), part("Value.DataType"), part("Value.StringValue"))
    });
    let mut attributes: Vec<_> = attributes.collect();
    attributes.sort();
    let text = |name: &str, value: &str| (format!("AWS.SNS.SMS.{name}"), "String".to_owned(), value.to_owned());
    assert_eq!(attributes, [text("SMSType", "Transactional"), text("SenderID", "Us")]);
    assert!(message.header("authorization").is_some_and(|signed| signed.contains("Credential=test/")));
    assert!(verifies(&t.client, &id, &code).await);
}

#[tokio::test]
async fn answers_become_statuses() {
    let (receiver, t) = start([published()]).await;
    let unavailable = || (undeliverable("providerUnavailable", false), 0);
    let rejected = || (undeliverable("providerRejected", true), 60);
    let illegal = || (undeliverable("illegalArgument", true), 60);
    let mut table = Table::default();
    for (n, (reaction, (body, next))) in [
        (refused(400, "Throttling", "Rate exceeded"), unavailable()),
        (refused(429, "Throttled", "Rate exceeded"), unavailable()),
        (refused(400, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: not valid"), illegal()),
        (refused(400, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: opted out"), rejected()),
        (refused(400, "ParameterValueInvalid", "no"), illegal()),
        (refused(400, "ValidationError", "no"), illegal()),
        (refused(400, "OptedOut", "no"), rejected()),
        (refused(403, "AuthorizationError", "no"), unavailable()),
        (refused(403, "InvalidClientTokenId", "no"), unavailable()),
        (refused(500, "InternalError", "no"), unavailable()),
        (refused(503, "ServiceUnavailable", "no"), unavailable()),
        (Reaction::Answer(500, "no XML".to_owned()), unavailable()),
    ]
    .into_iter()
    .enumerate()
    {
        receiver.react([reaction]);
        let before = receiver.received().len();
        let id = begin(&t.client, &format!("+1202555{n:04}")).await;
        let told = t.client.request_code(&id, "sms").await;
        let made = receiver.received().len() - before;
        table.row(n, (told.status, told.json(), nexts(&t.client, &id).await.0, made), (440, body, next, 1));
    }
    table.close();
}

/// It may have gone out, so it is not sent again, stays valid, and keeps its place in the schedule.
#[tokio::test]
async fn a_lost_answer_sends_no_second_sms() {
    let gateway = Reaction::Answer(504, "<html/>".to_owned());
    for loss in [Reaction::HangUp, Reaction::Silence, gateway, Reaction::Answer(200, "no XML".to_owned())] {
        let receiver = Receiver::start([loss]).await;
        let (t, id) = without_an_answer(to(receiver.url())).await;
        assert_eq!(receiver.received().len(), 1);
        assert!(verifies(&t.client, &id, &code_in(&receiver.last().field("Message").expect("a text"))).await);
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let t = registry(to(deserted()));
    let id = begin(&t.client, NUMBER).await;
    let told = t.client.request_code(&id, "sms").await.expect(440);
    assert_eq!(told, undeliverable("providerUnavailable", false));
    assert_eq!(nexts(&t.client, &id).await, (0, -1));
}

#[tokio::test]
async fn it_makes_no_calls() {
    let (receiver, t) = start([published()]).await;
    let id = begin(&t.client, NUMBER).await;
    t.client.request_code(&id, "sms").await.expect(200);
    t.advance(std::time::Duration::from_secs(60));
    let told = t.client.request_code(&id, "voice").await.expect(418);
    assert_eq!(told["nextCall"], Value::Null);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn an_emulator_gets_the_message() {
    let Ok(endpoint) = std::env::var("SIGNET_TEST_ENDPOINT") else {
        return eprintln!("SIGNET_TEST_ENDPOINT is not set: nothing was tested");
    };
    let number = format!("+1202555{:04}", Chance::system().below(10_000));
    let t = registry(to(endpoint.clone()));
    let id = begin(&t.client, &number).await;
    request(&t.client, &id, "sms", "ios", "he").await.expect(200);
    let mut emulator = t.client.clone();
    emulator.base = endpoint;
    let mut texts = Vec::new();
    // MiniStack's page, and LocalStack's.
    for page in ["/_ministack/sns/sms-messages", "/_aws/sns/sms-messages"] {
        let listed = emulator.send("GET", page, &[], "").await.json();
        let messages = listed["sms_messages"][&number].as_array().cloned().unwrap_or_default();
        texts.extend(messages.iter().filter_map(|message| message["Message"].as_str().map(str::to_owned)));
    }
    let text = texts.last().expect("the emulator lists the message");
    assert!(text.starts_with("קוד Signet"), "{text}");
    assert!(verifies(&t.client, &id, &code_in(text)).await);
}
