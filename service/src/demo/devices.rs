//! What comes after a registration: keys for others, and a second device.

use std::error::Error;

use serde_json::Value;
use signet_storage::chance::Chance;

use super::client::Client;
use super::http::{Answer, Http, HttpError};
use super::{line, say};
use crate::metrics::Stopwatch;

const KEYS: usize = 100;

/// Leaves one-time keys, fetches them as somebody else would, and links a device that sees the account.
pub fn play(registry: &Http, client: &Client, aci: &str, chance: &Chance) -> Result<(), Box<dyn Error>> {
    let me = (aci, client.password.as_str());
    say("\nKeys for others, so that they can write first");
    let keys = client.one_time_keys(KEYS);
    step("PUT  /v2/keys  (100 EC and 100 KEM keys)", 204, || registry.put("/v2/keys", Some(me), &keys))?;
    let path = format!("/v2/keys/{aci}/*");
    let unseen = || registry.get_unseen(&path, &client.access_key());
    let bundle = step("GET  /v2/keys/{aci}/*  (one of each is taken)", 200, unseen)?;
    let taken = &bundle["devices"][0];
    say(&format!("              EC key {}, KEM key {}", taken["preKey"]["keyId"], taken["pqPreKey"]["keyId"]));
    let left = step("GET  /v2/keys  (how many are left)", 200, || registry.get("/v2/keys", Some(me)))?;
    say(&format!("              {} EC keys, {} KEM keys", left["count"], left["pqCount"]));

    say("\nA second device");
    let code =
        step("GET  /v1/devices/provisioning/code", 200, || registry.get("/v1/devices/provisioning/code", Some(me)))?;
    let token = code["verificationCode"].as_str().ok_or("no link token")?;
    let password = hex::encode(chance.bytes::<18>());
    let body = client.linking(token, chance);
    let linked =
        step("PUT  /v1/devices/link", 200, || registry.put("/v1/devices/link", Some(("new", &password)), &body))?;
    let user = format!("{aci}.{}", linked["deviceId"]);
    let list =
        step("GET  /v1/devices  (by the new one)", 200, || registry.get("/v1/devices", Some((&user, &password))))?;
    say(&format!("              {} devices", list["devices"].as_array().map_or(0, Vec::len)));
    Ok(())
}

/// One request, with its time, which must be answered so.
fn step(label: &str, status: u16, call: impl Fn() -> Result<Answer, HttpError>) -> Result<Value, Box<dyn Error>> {
    let watch = Stopwatch::start();
    let answer = call()?;
    line(&watch, &format!("{label:<45} {}", answer.status));
    if answer.status == status { Ok(answer.body) } else { Err(format!("refused: {}", answer.status).into()) }
}
