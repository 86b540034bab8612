//! Conditions of writes, as values. Rendering them here, always with placeholders, means that no attribute name can collide
//! with one of DynamoDB's reserved words and no value is ever pasted into an expression.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// What has to hold of the row as it stands when the write is applied.
#[derive(Clone, Debug)]
pub enum Condition {
    /// There is no such attribute. Said of the partition key: there is no such row.
    Absent(&'static str),
    Present(&'static str),
    Equals(&'static str, AttributeValue),
    /// The first attribute is a number smaller than the second.
    Below(&'static str, &'static str),
    /// The attribute is a number, and this or smaller.
    AtMost(&'static str, AttributeValue),
    Either(Box<Self>, Box<Self>),
    Both(Box<Self>, Box<Self>),
}

impl Condition {
    pub fn or(self, other: Self) -> Self {
        Self::Either(Box::new(self), Box::new(other))
    }

    pub fn and(self, other: Self) -> Self {
        Self::Both(Box::new(self), Box::new(other))
    }

    pub fn render(self) -> Expression {
        let mut expression = Expression::default();
        expression.text = expression.write(self);
        expression
    }
}

/// A rendered condition: its text and what its placeholders stand for.
#[derive(Debug, Default)]
pub struct Expression {
    pub text: String,
    pub names: HashMap<String, String>,
    pub values: HashMap<String, AttributeValue>,
}

impl Expression {
    /// The values map as the SDK wants it: absent rather than empty.
    pub fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    fn write(&mut self, condition: Condition) -> String {
        match condition {
            Condition::Absent(name) => format!("attribute_not_exists({})", self.name(name)),
            Condition::Present(name) => format!("attribute_exists({})", self.name(name)),
            Condition::Below(smaller, larger) => format!("{} < {}", self.name(smaller), self.name(larger)),
            Condition::AtMost(name, value) => {
                let placeholder = self.value(value);
                format!("{} <= {placeholder}", self.name(name))
            }
            Condition::Equals(name, value) => {
                let placeholder = self.value(value);
                format!("{} = {placeholder}", self.name(name))
            }
            Condition::Either(a, b) => format!("({} OR {})", self.write(*a), self.write(*b)),
            Condition::Both(a, b) => format!("({} AND {})", self.write(*a), self.write(*b)),
        }
    }

    pub(super) fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    pub(super) fn name(&mut self, name: &'static str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_become_placeholders() {
        let mine = AttributeValue::S("me".into());
        let rendered = Condition::Absent("aci").or(Condition::Equals("aci", mine.clone())).render();
        assert_eq!(rendered.text, "(attribute_not_exists(#aci) OR #aci = :v0)");
        assert_eq!(rendered.names, HashMap::from([("#aci".into(), "aci".into())]));
        assert_eq!(rendered.values, HashMap::from([(":v0".into(), mine)]));
        assert!(Condition::Absent("aci").render().values().is_none());
    }
}
