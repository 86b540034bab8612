//! What the environment and the flags say, as a layer over the file.
//!
//! The `config` crate's own `Environment` is not used: it forgets the name of the variable, and it takes keys for path
//! expressions, in which a number such as `+12025550123` or a stray bracket means something else.

use std::collections::BTreeMap;
use std::fmt;

use config::{Map, Source, Value, ValueKind};

use crate::error::{Problem, Problems};

/// Each environment variable that begins so is ours.
const PREFIX: &str = "SIGNET__";

/// Texts by dotted key, each with its origin, nested into tables.
#[derive(Clone, Default)]
pub(crate) struct Layer(Map<String, Value>);

struct Entry {
    text: String,
    origin: String,
}

impl Layer {
    /// `SIGNET__SECTION__KEY`; the part after the prefix is lower-cased.
    pub fn from_env(env: impl Iterator<Item = (String, String)>, problems: &mut Problems) -> Self {
        let mut entries = BTreeMap::new();
        for (name, text) in env {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            let key = rest.to_lowercase().replace("__", ".");
            let origin = format!("environment variable {name}");
            if let Some(Entry { origin: other, .. }) =
                entries.insert(key.clone(), Entry { text, origin: origin.clone() })
            {
                problems.push(Problem { key, reason: format!("also set by {other}"), origin: Some(origin) });
            }
        }
        Self::nest(entries, problems)
    }

    /// Dotted keys as they are; of two with the same key the later wins.
    pub fn from_flags(flags: &[(String, String)], problems: &mut Problems) -> Self {
        let entry = |text: &String| Entry { text: text.clone(), origin: "command line".to_owned() };
        Self::nest(flags.iter().map(|(key, text)| (key.clone(), entry(text))).collect(), problems)
    }

    fn nest(entries: BTreeMap<String, Entry>, problems: &mut Problems) -> Self {
        let mut layer = Map::new();
        for (key, Entry { text, origin }) in entries {
            let value = Value::new(Some(&origin), text);
            if let Err(reason) = insert(&mut layer, &key, value) {
                problems.push(Problem { key, reason: reason.to_owned(), origin: Some(origin) });
            }
        }
        Self(layer)
    }
}

fn insert(table: &mut Map<String, Value>, key: &str, value: Value) -> Result<(), &'static str> {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    // The builder would take a bracket for an index.
    if first.is_empty() || first.contains(['[', ']']) {
        return Err("names no key");
    }
    let Some(rest) = rest else {
        table.insert(first.to_owned(), value);
        return Ok(());
    };
    let inner = table.entry(first.to_owned()).or_insert_with(|| Value::from(Map::<String, Value>::new()));
    match &mut inner.kind {
        ValueKind::Table(inner) => insert(inner, rest, value),
        _ => Err("is set, and so is the section that it lies in"),
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

/// `Source` asks for it. The texts may be secret, so it shows none.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layer")
    }
}
