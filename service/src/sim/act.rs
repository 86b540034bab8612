//! One step carried out: from what a person remembers to a request, and from the answer to what was heard and learned.

mod devices;
mod moves;
mod names;
mod totp;

use std::time::Duration;

use serde_json::{Value, json};

use super::explain::{Heard, Seen};
use super::history::{self, Action, As, Step};
use super::model::{self, Act, Op, Told, mark};
use super::people::{self, Linked, Memory, Owned, STRANGER, Token, owner};
use super::town::{Reply, Town};
use crate::call::Method;

/// A step that was done. Steps for which a person lacks something (a session, a code) are not.
pub struct Done {
    pub step: Step,
    pub heard: Heard,
    pub memory: Memory,
    pub pni: Option<String>,
    /// Of somebody's keys.
    pub bundle: Option<Value>,
}

/// `there`: what the same person remembers of the other number that the step is about.
pub async fn act(town: &Town, id: u32, step: &Step, memory: &Memory, there: &Memory) -> Option<Done> {
    let me = Actor { town, id, step, memory, there };
    let asked = me.ask();
    let (act, reply) = match step.hangs_up {
        None => asked.await?,
        // The task that asks is dropped where it stands, as it is when a connection breaks.
        Some(after) => match tokio::time::timeout(Duration::from_millis(after.into()), asked).await {
            Ok(done) => done?,
            Err(_) => (me.intent()?, None),
        },
    };
    Some(me.done(act, reply))
}

struct Actor<'a> {
    town: &'a Town,
    id: u32,
    step: &'a Step,
    memory: &'a Memory,
    there: &'a Memory,
}

impl Actor<'_> {
    fn me(&self) -> u32 {
        owner(self.step.number, self.step.person)
    }

    fn number(&self, old_form: bool) -> String {
        people::number(self.step.number, old_form && self.step.number == 0)
    }

    /// What the step comes to for this person now, before anything is asked.
    fn intent(&self) -> Option<Act> {
        let session = || self.memory.session.as_ref().map(|(id, _)| *id);
        Some(match &self.step.action {
            Action::Begin { old_form } => Act::Begin { obsolete: *old_form && self.step.number == 0 },
            Action::Code => Act::Code { session: session()?, sent: None },
            Action::Guess { right } => {
                let code = self.memory.code;
                let right_one = code.filter(|_| *right);
                match (right_one, code) {
                    (Some((session, code)), _) => Act::Guess { session, code },
                    (None, Some((session, code))) if !right => Act::Guess { session, code: (code + 1) % 1_000_000 },
                    _ => return None,
                }
            }
            Action::Register(wish) => Act::Register(self.wish(wish)?),
            Action::WhoAmI(by) => Act::WhoAmI(self.credentials(*by)?),
            Action::Delete => Act::Delete(self.credentials(As::Primary)?),
            Action::Totp => Act::Totp(self.credentials(As::Primary)?),
            Action::Move(wish) => Act::Move(self.wish_to_move(wish)?),
            Action::Name(asks) => Act::Name { by: self.credentials(As::Primary)?, asks: *asks },
            Action::LookUp { name } => Act::LookUp { name: *name },
            _ => return self.intent_about_devices(),
        })
    }

    fn wish(&self, wish: &history::Registration) -> Option<model::Registration> {
        let recovery = |right: bool| if right { self.me() } else { STRANGER };
        let proof = match wish.proof {
            history::Proof::Session => model::Proof::Session(self.memory.session.as_ref()?.0),
            history::Proof::Recovery { right } => model::Proof::Recovery(recovery(right)),
            history::Proof::Aci { right } => {
                let who = self.memory.accounts.last()?.who.clone();
                model::Proof::Aci { who, recovery: recovery(right) }
            }
        };
        Some(model::Registration {
            proof,
            old_form: wish.old_form && self.step.number == 0,
            lock: people::lock_of(wish.lock, self.me()),
            leaves: wish.leaves_recovery.then(|| self.me()),
            skips_transfer: wish.skips_transfer,
            can_transfer: wish.can_transfer,
            totp: match wish.totp {
                history::Totp::None => None,
                history::Totp::Right => Some(self.memory.totp.as_ref().map(|(id, ..)| *id)),
                history::Totp::Wrong => Some(None),
            },
        })
    }

    async fn ask(&self) -> Option<(Act, Option<Reply>)> {
        let act = self.intent()?;
        let reply = match &act {
            Act::Begin { .. } => self.begin().await,
            Act::Code { session, .. } => return Some(self.code(*session).await),
            Act::Guess { session, code } => self.guess(*session, *code).await?,
            Act::Register(wish) => self.register(wish).await,
            Act::WhoAmI(by) => self.as_device(by, Method::Get, "/v1/accounts/whoami", None).await,
            Act::Delete(by) => self.as_device(by, Method::Delete, "/v1/accounts/me", None).await,
            Act::Totp(by) => return Some(self.confirm_totp(by.clone()).await),
            Act::Move(wish) => self.ask_to_move(wish).await,
            Act::Name { by, asks } => self.ask_about_name(by, *asks).await,
            Act::LookUp { name } => self.look_up(*name).await,
            _ => self.ask_about_devices(&act).await?,
        };
        Some((act, Some(reply)))
    }

    async fn begin(&self) -> Reply {
        let Action::Begin { old_form } = self.step.action else { unreachable!("a session is begun by `Begin`") };
        let body = json!({"number": self.number(old_form)});
        self.town.call(Method::Post, "/v1/verification/session", None, Some(body)).await
    }

    /// What the registry calls a session that this person began.
    fn session(&self, id: u32) -> Option<&str> {
        self.memory.session.as_ref().filter(|(known, _)| *known == id).map(|(_, name)| name.as_str())
    }

    async fn code(&self, session: u32) -> (Act, Option<Reply>) {
        let number = self.number(false);
        let before = self.town.letter(&number);
        let body = json!({"transport": "sms", "client": "simulation"});
        let path = format!("/v1/verification/session/{}/code", self.session(session).unwrap_or_default());
        let reply = self.town.call(Method::Post, &path, None, Some(body)).await;
        let sent = self.town.letter(&number).filter(|code| Some(*code) != before);
        (Act::Code { session, sent }, Some(reply))
    }

    async fn guess(&self, session: u32, code: u32) -> Option<Reply> {
        let body = json!({"code": format!("{code:06}")});
        let path = format!("/v1/verification/session/{}/code", self.session(session)?);
        Some(self.town.call(Method::Put, &path, None, Some(body)).await)
    }

    async fn register(&self, wish: &model::Registration) -> Reply {
        let mut body = people::registration(self.id);
        let user = match &wish.proof {
            model::Proof::Aci { who, .. } => who.clone(),
            _ => self.number(wish.old_form),
        };
        match &wish.proof {
            model::Proof::Session(session) => body["sessionId"] = json!(self.session(*session)),
            model::Proof::Recovery(whose) | model::Proof::Aci { recovery: whose, .. } => {
                body["recoveryPassword"] = json!(people::recovery_text(*whose));
            }
        }
        body["skipDeviceTransfer"] = json!(wish.skips_transfer);
        let attributes = &mut body["accountAttributes"];
        attributes["capabilities"]["transfer"] = json!(wish.can_transfer);
        attributes["registrationLock"] = json!(wish.lock.map(people::lock_text));
        attributes["recoveryPassword"] = json!(wish.leaves.map(people::recovery_text));
        body["totp"] = json!(wish.totp.map(|of| self.one_time_password(of)));
        let authorization = people::basic(&user, &people::password(self.id));
        self.town.call(Method::Post, "/v1/registration", Some(&authorization), Some(body)).await
    }

    fn done(&self, act: Act, reply: Option<Reply>) -> Done {
        let mut memory = self.memory.clone();
        let seen = reply.as_ref().map_or(Seen::Lost, |reply| seen(&act, reply));
        let told = match &seen {
            Seen::Told(told) => Some(told),
            Seen::Lost => None,
        };
        let body = reply.as_ref().map(|reply| &reply.body);
        match (&act, told) {
            (Act::Begin { .. }, Some(Told { status: 200, .. })) => {
                let name = body.and_then(|body| body["id"].as_str()).unwrap_or_default();
                memory.session = Some((self.id, name.to_owned()));
            }
            (Act::Code { session, sent: Some(code) }, _) => memory.code = Some((*session, *code)),
            (Act::Register(_), Some(Told { who: Some(who), .. })) => {
                memory.accounts.push(Owned { who: who.clone(), by: self.id, pni: mark(self.id) });
            }
            (Act::Token(by), Some(Told { status: 200, .. })) => {
                let text = body.and_then(|body| body["verificationCode"].as_str()).unwrap_or_default().to_owned();
                memory.token = Some(Token { id: self.id, text, who: by.who.clone(), made: self.town.now() });
            }
            (Act::Link { who, keys, .. }, Some(Told { device: Some(device), .. })) => {
                memory.linked.push(Linked { who: who.clone(), device: *device, by: self.id, keys: *keys });
            }
            (Act::Upload { set, .. }, _) => memory.uploaded = Some(*set),
            (Act::Totp(by), _) => {
                let key = body.and_then(totp::key_in);
                memory.totp = key.map(|key| (self.id, by.who.clone(), key)).or(memory.totp);
            }
            _ => {}
        }
        let bundle =
            body.filter(|_| matches!((&act, told), (Act::Fetch { .. }, Some(Told { status: 200, .. })))).cloned();
        let pni = body.and_then(|body| body["pni"].as_str()).map(str::to_owned);
        Done {
            step: self.step.clone(),
            heard: Heard { op: Op { id: self.id, number: self.step.number, act }, seen },
            memory,
            pni,
            bundle,
        }
    }
}

fn seen(act: &Act, reply: &Reply) -> Seen {
    if reply.status == 503 {
        return Seen::Lost;
    }
    let verified = match act {
        Act::Guess { .. } if reply.status == 200 => reply.body["verified"].as_bool(),
        _ => None,
    };
    let linked = matches!(act, Act::Link { .. });
    let who = reply.body["uuid"].as_str().filter(|_| !linked).map(str::to_owned);
    let device = reply.body["deviceId"].as_u64().filter(|_| linked).and_then(|id| u8::try_from(id).ok());
    Seen::Told(Told { status: reply.status, verified, who, device })
}
