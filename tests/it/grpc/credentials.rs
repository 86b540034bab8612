//! `credentials.Credentials` and `credentials.CredentialsAnonymous` (§8.5).

use std::collections::HashMap;

use signet::grpc::proto::org::signal::chat::credentials::{
    AuthCheckResult, CheckSvrCredentialsRequest, ExternalServiceType, GetExternalServiceCredentialsRequest,
};
use signet_config::LimitId;
use signet_tests::Table;
use signet_tests::grpc::{Said, outcome};
use tonic::Code;

use super::{Exchange, NUMBER, OTHER, Person, limit};

async fn issue(x: &Exchange, who: &Person, service: i32) -> Result<String, Said> {
    let request = who.says(GetExternalServiceCredentialsRequest { external_service: service });
    let issued = outcome(x.credentials().get_external_service_credentials(request).await)?;
    Ok(format!("{}:{}", issued.username, issued.password))
}

async fn check(x: &Exchange, number: &str, passwords: &[&str]) -> Result<HashMap<String, i32>, Said> {
    let passwords = passwords.iter().map(|&password| password.to_owned()).collect();
    let request = CheckSvrCredentialsRequest { number: number.to_owned(), passwords };
    Ok(outcome(x.credentials_anonymous().check_svr_credentials(request).await)?.matches)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_device_gets_the_credentials_that_rest_gives() {
    let x = Exchange::open();
    let me = x.register(NUMBER).await;
    let rest = x.rest(&me, "GET", "/v2/svr/auth", "").await.expect(200);
    let text = |name: &str| rest[name].as_str().unwrap().to_owned();
    let mut table = Table::default();
    let rest = format!("{}:{}", text("username"), text("password"));
    table.row("recovery", issue(&x, &me, ExternalServiceType::Svr.into()).await, Ok(rest));
    for other in [1, 2, 3] {
        let unimplemented = Said { code: Code::Unimplemented, reason: None, retry: None };
        table.row("not here", issue(&x, &me, other).await, Err(unimplemented));
    }
    for none in [0, 5, -1] {
        table.row("nothing", issue(&x, &me, none).await, Err(Said::constraint()));
    }
    table.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_of_somebodys_credentials_gets_its_verdict() {
    let x = Exchange::open();
    let (me, other) = (x.register(NUMBER).await, x.register(OTHER).await);
    let svr = ExternalServiceType::Svr.into();
    let (mine, others) = (issue(&x, &me, svr).await.unwrap(), issue(&x, &other, svr).await.unwrap());
    let found = check(&x, NUMBER, &[&mine, &others, "rubbish"]).await;
    let result = |token: &str, result: AuthCheckResult| (token.to_owned(), i32::from(result));
    let expected = [
        result(&mine, AuthCheckResult::Match),
        result(&others, AuthCheckResult::NoMatch),
        result("rubbish", AuthCheckResult::Invalid),
    ];
    assert_eq!(found, Ok(expected.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_cannot_be_asked_takes_no_permit() {
    let x = Exchange::open_with(|config| limit(config, LimitId::BackupAuthCheck, 2));
    let mut table = Table::default();
    let eleven = ["a:b"; 11];
    for (what, number, tokens) in [
        ("no number", "", &["a:b"][..]),
        ("not a number", "12025550123", &["a:b"]),
        ("no tokens", NUMBER, &[]),
        ("too many", NUMBER, &eleven),
    ] {
        table.row(what, check(&x, number, tokens).await, Err(Said::constraint()));
    }
    for passes in [true, true, false] {
        let answer = check(&x, NUMBER, &eleven[..10]).await;
        let limited = Said { retry: Some(900), ..Said::because(Code::ResourceExhausted, "RESOURCE_EXHAUSTED") };
        let expected = if passes { None } else { Some(limited) };
        table.row("ten tokens", answer.err(), expected);
    }
    table.close();
}
