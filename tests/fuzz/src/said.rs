//! Requests, as inputs describe them: mostly of words that mean something here, for what nobody understands gets nowhere.

use arbitrary::Arbitrary;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signet::routes::{ROUTES, Route};

use crate::good;
use crate::world::{Known, LINKED_PASSWORD, NUMBER, OTHER_NUMBER, PASSWORD, basic};

#[derive(Arbitrary, Debug)]
pub struct Request {
    route: u8,
    verb: Option<Text>,
    /// For the placeholders of the route's path.
    names: [Text; 2],
    path: Option<String>,
    query: Vec<(Field, Text)>,
    headers: Vec<(Name, Text)>,
    pub body: Body,
}

/// A request as it goes over the wire.
pub struct Spoken {
    pub verb: String,
    /// With the query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
pub enum Body {
    /// The right one, changed.
    Good {
        which: u8,
        changes: Vec<Change>,
    },
    Raw(Vec<u8>),
    Nothing,
}

/// At the node of the body that has this number.
#[derive(Arbitrary, Debug)]
pub struct Change {
    node: u8,
    what: What,
}

#[derive(Arbitrary, Debug)]
enum What {
    Remove,
    Set(Json),
    /// Of an object or a list.
    Add(String, Json),
    /// Of a text: this one of its characters.
    Turn(u16, u8),
    Shorten(u16),
    Double,
}

#[derive(Arbitrary, Debug)]
enum Json {
    Null,
    Bool(bool),
    Small(i8),
    Number(i64),
    Fraction(f64),
    Text(Text),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// A text that means something here, or any.
#[derive(Arbitrary, Debug)]
pub enum Text {
    Aci,
    Pni,
    BarePni,
    Session,
    OtherSession,
    LinkToken,
    TokenIdentifier,
    Svr,
    Number,
    OtherNumber,
    Star,
    One,
    Two,
    Small(i8),
    Many(u32),
    Device,
    LinkedDevice,
    OfNumber,
    WrongPassword,
    AccessKey,
    Base64(Vec<u8>),
    Long(u8),
    Any(String),
}

#[derive(Arbitrary, Debug)]
enum Name {
    Authorization,
    AccessKey,
    GroupToken,
    UserAgent,
    AcceptLanguage,
    ForwardedFor,
    ContentType,
    Any(String),
}

#[derive(Arbitrary, Debug)]
enum Field {
    Timeout,
    Identity,
    DeviceId,
    Any(String),
}

impl Request {
    pub fn speak(&self, known: &Known) -> Spoken {
        let route = route(self.route);
        let verb = self.verb.as_ref().map_or_else(|| route.method.as_str().to_owned(), |verb| verb.speak(known));
        let mut path = self.path.clone().unwrap_or_else(|| self.path_of(route, known));
        for (n, (field, value)) in self.query.iter().take(4).enumerate() {
            path += if n == 0 { "?" } else { "&" };
            path += &format!("{}={}", field.speak(), value.speak(known));
        }
        let headers = self.headers.iter().take(8);
        let headers = headers.map(|(name, value)| (name.speak(), value.speak(known))).collect();
        Spoken { verb, path, headers, body: self.body.speak(route, known) }
    }

    fn path_of(&self, route: &Route, known: &Known) -> String {
        let mut names = self.names.iter();
        let parts = route.template.split('/').map(|part| {
            let name = if part.starts_with('{') { names.next() } else { None };
            name.map_or_else(|| part.to_owned(), |name| name.speak(known))
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

pub fn route(n: u8) -> &'static Route {
    &ROUTES[usize::from(n) % ROUTES.len()]
}

impl Body {
    pub fn speak(&self, route: &Route, known: &Known) -> Vec<u8> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Raw(bytes) => bytes.clone(),
            Self::Good { which, changes } => {
                let bodies = good::bodies(route.method.as_str(), route.template, known);
                let Some(mut body) = bodies.get(usize::from(*which) % bodies.len().max(1)).cloned() else {
                    return Vec::new();
                };
                for change in changes.iter().take(8) {
                    change.make(&mut body, known);
                }
                body.to_string().into()
            }
        }
    }
}

impl Change {
    fn make(&self, body: &mut Value, known: &Known) {
        let mut before = self.node;
        if let Some(node) = nth(body, &mut before) {
            self.what.change(node, known);
        }
    }
}

/// The node after so many others.
fn nth<'a>(node: &'a mut Value, before: &mut u8) -> Option<&'a mut Value> {
    if *before == 0 {
        return Some(node);
    }
    *before -= 1;
    match node {
        Value::Object(fields) => fields.values_mut().find_map(|node| nth(node, before)),
        Value::Array(nodes) => nodes.iter_mut().find_map(|node| nth(node, before)),
        _ => None,
    }
}

impl What {
    fn change(&self, node: &mut Value, known: &Known) {
        match (self, node) {
            (Self::Remove, node) => *node = Value::Null,
            (Self::Set(value), node) => *node = value.speak(known, 3),
            (Self::Add(name, value), Value::Object(fields)) => {
                fields.insert(name.clone(), value.speak(known, 3));
            }
            (Self::Add(_, value), Value::Array(nodes)) => nodes.push(value.speak(known, 3)),
            (Self::Turn(at, to), Value::String(text)) => {
                let at = usize::from(*at) % text.len().max(1);
                if text.is_char_boundary(at) && text.is_char_boundary(at + 1) && at < text.len() {
                    text.replace_range(at..=at, char::from(*to).encode_utf8(&mut [0; 4]));
                }
            }
            (Self::Shorten(to), Value::String(text)) => {
                *text = text.chars().take(usize::from(*to)).collect();
            }
            (Self::Double, Value::Array(nodes)) => nodes.extend_from_within(..),
            (Self::Double, Value::String(text)) => *text = text.repeat(2),
            _ => {}
        }
    }
}

impl Json {
    fn speak(&self, known: &Known, depth: u8) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => json!(value),
            Self::Small(value) => json!(value),
            Self::Number(value) => json!(value),
            Self::Fraction(value) => json!(value),
            Self::Text(text) => json!(text.speak(known)),
            Self::List(_) | Self::Object(_) if depth == 0 => Value::Null,
            Self::List(nodes) => nodes.iter().take(4).map(|node| node.speak(known, depth - 1)).collect(),
            Self::Object(fields) => {
                fields.iter().take(4).map(|(name, node)| (name.clone(), node.speak(known, depth - 1))).collect()
            }
        }
    }
}

impl Text {
    pub fn speak(&self, known: &Known) -> String {
        match self {
            Self::Aci => known.aci.clone(),
            Self::Pni => format!("PNI:{}", known.pni),
            Self::BarePni => known.pni.clone(),
            Self::Session => known.sessions[0].clone(),
            Self::OtherSession => known.sessions[1].clone(),
            Self::LinkToken => known.link_token.clone(),
            Self::TokenIdentifier => known.token_identifier.clone(),
            Self::Svr => known.svr.clone(),
            Self::Number => NUMBER.to_owned(),
            Self::OtherNumber => OTHER_NUMBER.to_owned(),
            Self::Star => "*".to_owned(),
            Self::One => "1".to_owned(),
            Self::Two => "2".to_owned(),
            Self::Small(value) => value.to_string(),
            Self::Many(value) => value.to_string(),
            Self::Device => basic(&known.aci, PASSWORD),
            Self::LinkedDevice => basic(&format!("{}.2", known.aci), LINKED_PASSWORD),
            Self::OfNumber => basic(NUMBER, PASSWORD),
            Self::WrongPassword => basic(&known.aci, "another password"),
            Self::AccessKey => STANDARD.encode([7; 16]),
            Self::Base64(bytes) => STANDARD.encode(bytes),
            Self::Long(times) => "long ".repeat(usize::from(*times) * 16),
            Self::Any(text) => text.clone(),
        }
    }
}

impl Name {
    fn speak(&self) -> String {
        match self {
            Self::Authorization => "authorization",
            Self::AccessKey => "Unidentified-Access-Key",
            Self::GroupToken => "group-send-token",
            Self::UserAgent => "User-Agent",
            Self::AcceptLanguage => "accept-language",
            Self::ForwardedFor => "X-Forwarded-For",
            Self::ContentType => "content-type",
            Self::Any(text) => text,
        }
        .to_owned()
    }
}

impl Field {
    fn speak(&self) -> &str {
        match self {
            Self::Timeout => "timeout",
            Self::Identity => "identity",
            Self::DeviceId => "deviceId",
            Self::Any(text) => text,
        }
    }
}
