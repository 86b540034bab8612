//! The budget of messages and calls with codes: it keeps somebody who asks for codes and never enters one, for a share of what
//! a far-away carrier earns by them, from spending our money. What it decides is told in `service/docs/sms-budget.md`.
//!
//! Asked once, right before a session takes its place for sending; told when the session is verified. Every rule is a pure
//! function over a [`Tally`] in the shared cache, so that it holds over nodes.
//!
//! Invariant: a message is counted before it is judged, and each count answers with the sum it made, so of many requests at
//! once no more pass than there is room for. What is refused, or not sent, is given back; if that fails, or the process dies in
//! between, the budget is smaller than it could be and never larger.

mod address;
mod country;
mod spending;
mod window;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use signet_config::{OnFailure, Sms};
use signet_storage::cache::{Cache, CacheDown, Change, Slot, Tally};
use signet_storage::clock::{Clock, Timestamp};
use signet_storage::ids::SessionId;
use signet_storage::number::E164;

use crate::client_address;
use crate::events::Events;
use spending::Alarms;

const SPENDING: &str = "sms:spending";

pub struct SmsBudget {
    cache: Cache,
    clock: Clock,
    settings: Sms,
    alarms: Alarms,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverBudget {
    /// No messages to this number's country.
    Country,
    Limited {
        limiter: &'static str,
        retry_after: Duration,
    },
    /// The cache does not answer, and nothing is to be sent unseen.
    StoreDown,
}

/// What one message was counted as. It stays counted unless it is [handed back](SmsBudget::hand_back).
#[derive(Debug, Default)]
#[must_use]
pub struct Reservation(Vec<(String, Vec<Change>)>);

impl SmsBudget {
    pub fn new(cache: Cache, clock: Clock, settings: Sms, events: Events) -> Self {
        Self { cache, clock, settings, alarms: Alarms::new(events) }
    }

    /// Counts a message to this number, asked for by this client, if the budget has room for it.
    pub async fn reserve(
        &self,
        number: &E164,
        client: Option<IpAddr>,
        session: &SessionId,
    ) -> Result<Reservation, OverBudget> {
        let mut made = Reservation::default();
        let result = self.reserve_in(&mut made, number, client, session).await;
        let outcome = match result {
            Ok(()) => ("", "passed"),
            Err(OverBudget::Country) => ("smsCountries", "refused"),
            Err(OverBudget::Limited { limiter, .. }) => (limiter, "refused"),
            Err(OverBudget::StoreDown) => ("", "no store"),
        };
        metrics::counter!("signet_sms_budget_total", "limiter" => outcome.0, "outcome" => outcome.1).increment(1);
        match result {
            Err(OverBudget::StoreDown) if self.settings.on_failure == OnFailure::Allow => Ok(made),
            Ok(()) => Ok(made),
            Err(over) => {
                self.hand_back(made).await;
                Err(over)
            }
        }
    }

    async fn reserve_in(
        &self,
        made: &mut Reservation,
        number: &E164,
        client: Option<IpAddr>,
        session: &SessionId,
    ) -> Result<(), OverBudget> {
        let (now, region) = (self.clock.now(), number.region());
        if !self.settings.countries.contain(region) {
            return Err(OverBudget::Country);
        }
        let network = client_address::key(client);
        let limited = |limiter| move |retry_after| OverBudget::Limited { limiter, retry_after };

        let tally = self.count(made, address_key(&network), address::message(region, now)).await?;
        address::judge(&self.settings, &tally, region, now).map_err(limited("smsPerAddress"))?;

        let tally = self.count(made, country_key(region), country::message(now)).await?;
        country::judge(&self.settings, &tally, now).map_err(limited("smsPerCountry"))?;

        if let Some(cap) = self.settings.daily_cap {
            let spent = vec![spending::message(self.settings.price(region), now)];
            let tally = self.count(made, SPENDING.to_owned(), spent).await?;
            self.alarms.look(&self.cache, &tally, cap, now).await;
            spending::judge(&tally, cap, now).map_err(limited("smsSpend"))?;
        }
        // By this the messages are found again once the session is verified.
        self.count(made, session_key(session), vec![sent(&network, now)]).await?;
        Ok(())
    }

    async fn count(&self, made: &mut Reservation, key: String, changes: Vec<Change>) -> Result<Tally, OverBudget> {
        let tally = self.cache.tally(&key, &changes).await.map_err(|CacheDown| OverBudget::StoreDown)?;
        made.0.push((key, changes));
        Ok(tally)
    }

    /// The message was not sent after all.
    pub async fn hand_back(&self, reservation: Reservation) {
        for (key, changes) in reservation.0 {
            let back: Vec<Change> = changes.iter().map(Change::reversed).collect();
            // If the cache is down the message stays counted, which is the safe side.
            let _ = self.cache.tally(&key, &back).await;
        }
    }

    /// The session proved its number: what was sent for it no longer counts as unverified.
    pub async fn verified(&self, number: &E164, session: &SessionId) {
        // If the cache is down the messages stay unverified, which is the safe side.
        let _ = self.move_over(number, session).await;
    }

    async fn move_over(&self, number: &E164, session: &SessionId) -> Result<(), CacheDown> {
        let (now, region, key) = (self.clock.now(), number.region(), session_key(session));
        let messages = self.cache.tally(&key, &[]).await?;
        let messages: Vec<(Timestamp, &str)> = messages.0.iter().flat_map(read_sent).collect();
        let Some(&(_, last_network)) = messages.iter().max() else { return Ok(()) };

        let (mut by_network, mut to_country) = (BTreeMap::<&str, Vec<Change>>::new(), country::verified(now));
        for &(at, network) in &messages {
            let back = address::message(region, at);
            by_network.entry(network).or_default().extend(back.iter().map(Change::reversed));
            to_country.extend(country::message(at).iter().map(Change::reversed));
        }
        by_network.entry(last_network).or_default().extend(address::verified(region, now));
        for (network, changes) in by_network {
            self.cache.tally(&address_key(network), &changes).await?;
        }
        self.cache.tally(&country_key(region), &to_country).await?;
        self.cache.remove_tally(&key).await
    }
}

fn address_key(network: &str) -> String {
    format!("sms:address:{network}")
}

fn country_key(region: &str) -> String {
    format!("sms:country:{region}")
}

fn session_key(session: &SessionId) -> String {
    format!("sms:session:{}", session.encoded())
}

/// A message in the list of its session: when, and who asked. Kept for as long as it counts as unverified.
fn sent(network: &str, now: Timestamp) -> Change {
    Change::add(format!("{}|{network}", now.millis()), window::DAY.end(now), 1)
}

/// As often as it was sent; never for what is not ours.
fn read_sent(message: &Slot) -> impl Iterator<Item = (Timestamp, &str)> {
    let read = message.name.split_once('|').and_then(|(at, network)| {
        let at = Timestamp::from_millis(at.parse().ok()?);
        Some(std::iter::repeat_n((at, network), usize::try_from(message.amount).unwrap_or(1)))
    });
    read.into_iter().flatten()
}
