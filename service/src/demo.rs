//! `signet demo`: plays a client that registers, leaves keys and links a device, and shows what happens and how long it takes.
//!
//! Everything in it is real: Curve25519 identity keys, XEdDSA signatures, KEM keys, and the same routes that any client uses.
//! The code is fetched from the management port, where the development sender leaves it.

mod client;
mod devices;
pub mod http;
mod own_registry;

use std::error::Error;
use std::io::Write as _;

use clap::Args;
use serde_json::{Value, json};
use signet_storage::chance::Chance;

use crate::metrics::Stopwatch;
use client::Client;
use http::{Answer, Http, HttpError};
use own_registry::OwnRegistry;

#[derive(Debug, Args)]
pub struct Options {
    /// A running registry; without one, the demo starts its own on free ports and throws it away afterwards.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Its management port.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8081")]
    management_url: String,
    /// The number to register; without one, a number reserved for fiction.
    #[arg(long)]
    number: Option<String>,
    /// Only print the body of a registration with this session, with fresh keys in it, for those who use curl.
    #[arg(long, value_name = "SESSION")]
    body: Option<String>,
}

pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    if let Some(session) = &options.body {
        say(&Client::generate(&Chance::system()).registration(session).to_string());
        return Ok(());
    }
    match &options.url {
        Some(url) => play(url, &options.management_url, options.number.clone()),
        None => {
            say("No --url given: starting a registry for this demo, to be thrown away afterwards.");
            let own = OwnRegistry::start()?;
            let played = play(&own.url, &own.management, options.number.clone());
            own.stop()?;
            played
        }
    }
}

fn play(url: &str, management: &str, number: Option<String>) -> Result<(), Box<dyn Error>> {
    let chance = Chance::system();
    let number = number.unwrap_or_else(|| fictitious(&chance));
    let (registry, outbox) = (Http::at(url.to_owned()), Http::at(management.to_owned()));
    say(&format!("\nA client registers {number} with {url}"));

    say("\nBefore: the client proves that the number is its own");
    let session = prove(&registry, &outbox, &number)?;

    let watch = Stopwatch::start();
    let client = Client::generate(&chance);
    say("\nThe client makes its keys");
    line(&watch, "two Curve25519 identities, each with a signed pre-key and a KEM last-resort key");

    let watch = Stopwatch::start();
    let sent = registry.post("/v1/registration", Some((&number, &client.password)), &client.registration(&session))?;
    say("\nPOST /v1/registration, and what the registry does with it");
    phases(&sent);
    line(&watch, &format!("in all, as the client sees it: {}", sent.status));
    if sent.status / 100 != 2 {
        return Err(format!("the registry refused: {} {}", sent.status, sent.body).into());
    }

    say("\nAfterwards: the new credentials work");
    let aci = sent.body["uuid"].as_str().unwrap_or_default();
    let watch = Stopwatch::start();
    let me = registry.get("/v1/accounts/whoami", Some((aci, &client.password)))?;
    line(&watch, &format!("GET  /v1/accounts/whoami                      {}", me.status));
    if me.status != 200 {
        return Err(format!("whoami was refused: {}", me.status).into());
    }
    devices::play(&registry, &client, aci, &chance)?;
    say(&format!("\nThe answer to the registration:\n{}", serde_json::to_string_pretty(&sent.body)?));
    Ok(())
}

/// A verification session from begin to end; returns its id.
fn prove(registry: &Http, outbox: &Http, number: &str) -> Result<String, Box<dyn Error>> {
    let step = |label: &str, call: &dyn Fn() -> Result<Answer, HttpError>| -> Result<Value, Box<dyn Error>> {
        let watch = Stopwatch::start();
        let answer = call()?;
        line(&watch, &format!("{label:<45} {}", answer.status));
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(format!("refused: {} {}", answer.status, answer.body).into())
        }
    };
    let begun = step("POST /v1/verification/session", &|| {
        registry.post("/v1/verification/session", None, &json!({"number": number}))
    })?;
    let id = begun["id"].as_str().ok_or("no session id")?.to_owned();
    let path = format!("/v1/verification/session/{id}");
    if begun["requestedInformation"].as_array().is_some_and(|wanted| !wanted.is_empty()) {
        let captcha = json!({"captcha": "noop.noop.registration.noop"});
        step("PATCH …/session/{id}  (a captcha)", &|| registry.patch(&path, &captcha))?;
    }
    let path = format!("{path}/code");
    let request = json!({"transport": "sms", "client": "signet-demo"});
    step("POST …/session/{id}/code  (send an SMS)", &|| registry.post(&path, None, &request))?;
    let letter = step("     the code is taken from the outbox", &|| outbox.get(&format!("/outbox/{number}"), None))?;
    let code = letter["code"].as_str().ok_or("no code in the outbox")?.to_owned();
    let done = step("PUT  …/session/{id}/code  (submit it)", &|| registry.put(&path, None, &json!({"code": code})))?;
    if done["verified"] != true {
        return Err("the code was not accepted".into());
    }
    Ok(id)
}

/// The registry tells its phases in the `Server-Timing` field of the answer.
fn phases(answer: &Answer) {
    const PHASES: [(&str, &str); 4] = [
        ("request", "phase 1  request and four signatures checked"),
        ("session", "phase 1  verification session checked"),
        ("lookup", "phase 2  looked up who has the number, and a registration lock"),
        ("commit", "phase 3  account, claims and keys committed in one transaction, and cached"),
    ];
    for (name, text) in PHASES {
        if let Some(millis) = answer.timing(name) {
            say(&format!("{millis:>9.2} ms  {text}"));
        }
    }
    say("              phase 4  answered");
}

/// One of the numbers that are kept free for films.
fn fictitious(chance: &Chance) -> String {
    const AREAS: [u32; 8] = [202, 212, 303, 312, 415, 503, 617, 713];
    format!("+1{}55501{:02}", AREAS[chance.below(8) as usize], chance.below(100))
}

fn line(watch: &Stopwatch, text: &str) {
    say(&format!("{:>9.2} ms  {text}", watch.elapsed().as_secs_f64() * 1000.0));
}

fn say(text: &str) {
    // A reader that has gone away ends a demo, not a registry.
    let _ = writeln!(std::io::stdout(), "{text}");
}
