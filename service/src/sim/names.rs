//! Usernames, watched from round to round by their rows and by what was answered. What has to hold (contract registration §9.4,
//! §11.10):
//!
//! - a name has one owner at most, and a confirmed one is lost only by what its owner does, by whoever registers the owner's
//!   number, or with the account;
//! - nobody gets a name that is kept for somebody else before its time, unless that one gave it up;
//! - nobody has a name confirmed without having asked for it, and what was confirmed is confirmed;
//! - who asks alone gets the answer that the rows imply.
//!
//! Not a model that explains every answer: usernames are everybody's, and numbers are judged one by one.

use std::collections::BTreeMap;

use serde::Deserialize;
use signet_storage::clock::Timestamp;
use signet_storage::dynamo::items::{self, key};
use signet_storage::dynamo::tables::Table;
use signet_storage::model::{Account, Username};
use signet_storage::{Storage, StoreError};

use super::act::Done;
use super::explain::Seen;
use super::model::{Act, NameAct, Told};
use super::usernames::{self, NAMES};

/// The rows as they were after the last round.
#[derive(Clone, Default)]
pub struct Names {
    claims: BTreeMap<u8, Claim>,
    /// Of those who have a claim.
    accounts: BTreeMap<String, Username>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    who: String,
    confirmed: bool,
    until: Option<i64>,
}

impl Claim {
    /// Does it keep others out?
    fn counts(&self, now: i64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// The row, as far as it matters here.
#[derive(Deserialize)]
struct Row {
    aci: String,
    confirmed: bool,
    until: Option<Timestamp>,
}

/// What happened between two looks.
pub struct Between<'a> {
    pub done: &'a [Done],
    pub now: i64,
    /// Nothing failed, and nothing happened at the same time.
    pub quiet: bool,
    /// Accounts that were there before and are gone, or have other devices: whose number registered, moved or was swept.
    pub upset: Vec<String>,
}

type Broken = (&'static str, String);

impl Names {
    pub async fn look(storage: &Storage) -> Result<Self, StoreError> {
        let mut names = Self::default();
        for name in 0..NAMES {
            let claim = format!("username#{}", hex::encode(usernames::name(name).hash.as_bytes()));
            let Some(row) = storage.dynamo.get(Table::Claims, key("claim", claim)).await? else { continue };
            let Row { aci: who, confirmed, until } = items::from_item(row, "username claim")?;
            if let Some(username) = username_of(storage, &who).await? {
                names.accounts.insert(who.clone(), username);
            }
            names.claims.insert(name, Claim { who, confirmed, until: until.map(Timestamp::millis) });
        }
        Ok(names)
    }

    /// Those of the owners whose accounts are not there any more.
    pub async fn owners_gone(&self, storage: &Storage) -> Result<Vec<String>, StoreError> {
        let mut gone = Vec::new();
        for claim in self.claims.values() {
            if username_of(storage, &claim.who).await?.is_none() {
                gone.push(claim.who.clone());
            }
        }
        Ok(gone)
    }

    /// Is it right that `self` became `after`?
    pub fn became(&self, after: &Self, between: &Between) -> Result<(), Broken> {
        for name in 0..NAMES {
            let (before, after) = (self.claims.get(&name), after.claims.get(&name));
            let said = |rule| Err((rule, format!("name {name} at {}: {before:?} became {after:?}", between.now)));
            if let Some(rule) = before.and_then(|before| lost(before, after, between)) {
                return said(rule);
            }
            if after.is_some_and(|after| after.confirmed && before != Some(after) && !asked(name, &after.who, between))
            {
                return said("a name was confirmed that nobody asked for");
            }
        }
        between.done.iter().try_for_each(|done| self.answered(after, done, between))
    }

    /// Does an answer fit the rows?
    fn answered(&self, after: &Self, done: &Done, between: &Between) -> Result<(), Broken> {
        let Seen::Told(told) = &done.heard.seen else { return Ok(()) };
        let broken = match &done.heard.op.act {
            Act::Name { by, asks } if told.status != 401 => {
                let confirmed =
                    |name: u8| after.claims.get(&name).is_some_and(|claim| claim.confirmed && claim.who == by.who);
                let unheard = matches!(asks, NameAct::Confirm { name, .. } if told.status == 200 && !confirmed(*name));
                let expected = between.quiet.then(|| self.expected(*asks, &by.who, between.now)).flatten();
                unheard && !between.upset.contains(&by.who) && !ended(&by.who, between, Some(done))
                    || expected.is_some_and(|status| status != told.status)
            }
            Act::LookUp { name } => !self.may_be_told(after, *name, told, between),
            _ => false,
        };
        if broken {
            let text = format!("{:?} -> {told:?}, {:?} became {:?}", done.heard.op, self.claims, after.claims);
            return Err(("an answer about a username does not fit the rows", text));
        }
        Ok(())
    }

    fn may_be_told(&self, after: &Self, name: u8, told: &Told, between: &Between) -> bool {
        let owner =
            |names: &Self| names.claims.get(&name).filter(|claim| claim.confirmed).map(|claim| claim.who.clone());
        let owners = [owner(self), owner(after)];
        owners.contains(&told.who) || !between.quiet && told.who.as_ref().is_none_or(|who| asked(name, who, between))
    }

    /// What somebody who asks alone has to be answered, as far as the rows tell.
    fn expected(&self, asks: NameAct, who: &str, now: i64) -> Option<u16> {
        let mine = self.accounts.get(who);
        Some(match asks {
            NameAct::Reserve { name } => {
                let taken = self.claims.get(&name).is_some_and(|claim| claim.who != who && claim.counts(now));
                if taken { 409 } else { 200 }
            }
            NameAct::Confirm { name, .. } => {
                let is = |hash: &Option<_>| hash.as_ref() == Some(&usernames::name(name).hash);
                // Whose name is nowhere among the rows may have reserved it all the same.
                let Username { hash, reserved_hash, .. } = mine?;
                match self.claims.get(&name) {
                    _ if is(hash) => 200,
                    _ if !is(reserved_hash) => 409,
                    Some(claim) if claim.who != who && claim.counts(now) => 410,
                    _ => 200,
                }
            }
            NameAct::Clear => 204,
            NameAct::Link { .. } => {
                if mine?.hash.is_some() {
                    200
                } else {
                    409
                }
            }
        })
    }
}

/// The rule that is broken if this claim became that one.
fn lost(before: &Claim, after: Option<&Claim>, between: &Between) -> Option<&'static str> {
    let ended = between.upset.contains(&before.who) || ended(&before.who, between, None);
    match after {
        Some(after) if after.who == before.who && after.confirmed >= before.confirmed => None,
        _ if ended => None,
        _ if before.confirmed => Some("a confirmed name was lost"),
        Some(after) if after.who != before.who && before.counts(between.now) => {
            Some("a name was taken from whoever it was kept for")
        }
        _ => None,
    }
}

/// Did this account do something by which it may lose a name? `but`: the step that is being judged itself.
fn ended(who: &str, between: &Between, but: Option<&Done>) -> bool {
    between.done.iter().filter(|done| but.is_none_or(|but| !std::ptr::eq(*done, but))).any(|done| {
        match &done.heard.op.act {
            Act::Name { by, asks: NameAct::Confirm { .. } | NameAct::Clear } | Act::Delete(by) => by.who == who,
            _ => false,
        }
    })
}

/// Did this account ask to have the name confirmed?
fn asked(wanted: u8, who: &str, between: &Between) -> bool {
    between.done.iter().any(|done| match &done.heard.op.act {
        Act::Name { by, asks: NameAct::Confirm { name, .. } } => *name == wanted && by.who == who,
        _ => false,
    })
}

async fn username_of(storage: &Storage, aci: &str) -> Result<Option<Username>, StoreError> {
    let row = storage.dynamo.get(Table::Accounts, key("aci", aci)).await?;
    let account: Option<Account> = row.map(|row| items::from_item(row, "account")).transpose()?;
    Ok(account.map(|account| account.username))
}
