//! CloudFormation's functions, decided as far as they can be before anything is deployed.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value};

/// What a template's functions are decided with.
pub(super) struct Scope {
    parameters: BTreeMap<String, Value>,
    mappings: Map<String, Value>,
    conditions: Map<String, Value>,
}

impl Scope {
    /// The declared parameters with the values given, or their defaults.
    pub(super) fn new(
        declared: &Map<String, Value>,
        given: &BTreeMap<String, String>,
        mappings: Map<String, Value>,
        conditions: Map<String, Value>,
    ) -> anyhow::Result<Self> {
        let unknown: Vec<&String> = given.keys().filter(|name| !declared.contains_key(*name)).collect();
        ensure!(unknown.is_empty(), "no such parameters: {unknown:?}");
        let mut parameters = BTreeMap::new();
        for (name, declaration) in declared {
            let value = match given.get(name) {
                Some(text) => Value::from(text.as_str()),
                None => {
                    declaration.get("Default").cloned().with_context(|| format!("parameter {name} has no value"))?
                }
            };
            let number = declaration.get("Type").is_some_and(|kind| kind == "Number");
            parameters.insert(name.clone(), if number { as_number(&value)? } else { value });
        }
        Ok(Self { parameters, mappings, conditions })
    }

    /// A value with every function in it decided.
    pub(super) fn whole(&self, value: &Value) -> anyhow::Result<Value> {
        Ok(self.decide(value)?.unwrap_or(Value::Null))
    }

    /// Whether a condition holds.
    pub(super) fn holds(&self, condition: &str) -> anyhow::Result<bool> {
        self.truth(self.conditions.get(condition).with_context(|| format!("there is no condition {condition}"))?)
    }

    /// A value with every function in it decided; `None` where it is left out.
    fn decide(&self, value: &Value) -> anyhow::Result<Option<Value>> {
        match value {
            Value::Object(members) => match call(members) {
                Some((name, argument)) => self.function(name, argument),
                None => {
                    let mut map = Map::new();
                    for (name, member) in members {
                        if let Some(member) = self.decide(member)? {
                            map.insert(name.clone(), member);
                        }
                    }
                    Ok(Some(Value::Object(map)))
                }
            },
            Value::Array(items) => {
                let items: Vec<Option<Value>> = items.iter().map(|item| self.decide(item)).collect::<Result<_, _>>()?;
                Ok(Some(Value::Array(items.into_iter().flatten().collect())))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Some(value.clone())),
        }
    }

    fn function(&self, name: &str, argument: &Value) -> anyhow::Result<Option<Value>> {
        let decided = match (name, argument) {
            ("Ref", Value::String(to)) if to == "AWS::NoValue" => return Ok(None),
            ("Ref", Value::String(to)) => {
                self.parameters.get(to).cloned().unwrap_or_else(|| format!("${{{to}}}").into())
            }
            ("Fn::GetAtt", Value::Array(path)) => {
                let path: Vec<String> = path.iter().map(text).collect::<Result<_, _>>()?;
                format!("${{{}}}", path.join(".")).into()
            }
            ("Fn::Sub", Value::String(pattern)) => self.substitute(pattern, &Map::new())?.into(),
            ("Fn::Sub", Value::Array(of)) => match of.as_slice() {
                [Value::String(pattern), Value::Object(more)] => self.substitute(pattern, more)?.into(),
                _ => bail!("Fn::Sub of {argument}"),
            },
            ("Fn::If", Value::Array(of)) => match of.as_slice() {
                [Value::String(condition), yes, no] => {
                    return self.decide(if self.holds(condition)? { yes } else { no });
                }
                _ => bail!("Fn::If of {argument}"),
            },
            ("Fn::Join", Value::Array(of)) => match of.as_slice() {
                [Value::String(between), list] => self.join(between, list)?.into(),
                _ => bail!("Fn::Join of {argument}"),
            },
            ("Fn::FindInMap", Value::Array(path)) => self.find(path)?,
            _ => bail!("{name} is not understood"),
        };
        Ok(Some(decided))
    }

    /// Puts parameters and the pattern's own names in; what names a resource stays.
    fn substitute(&self, pattern: &str, more: &Map<String, Value>) -> anyhow::Result<String> {
        let mut parts = pattern.split("${");
        let mut done = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').with_context(|| format!("{pattern:?} does not close"))?;
            match (name.strip_prefix('!'), more.get(name), self.parameters.get(name)) {
                (Some(literal), ..) => done.push_str(&format!("${{{literal}}}")),
                (None, Some(value), _) => done.push_str(&text(&self.whole(value)?)?),
                (None, None, Some(value)) => done.push_str(&text(value)?),
                (None, None, None) => done.push_str(&format!("${{{name}}}")),
            }
            done.push_str(rest);
        }
        Ok(done)
    }

    fn join(&self, between: &str, list: &Value) -> anyhow::Result<String> {
        let list = self.whole(list)?;
        let parts = list.as_array().with_context(|| format!("Fn::Join of {list}"))?;
        Ok(parts.iter().map(text).collect::<Result<Vec<_>, _>>()?.join(between))
    }

    fn find(&self, path: &[Value]) -> anyhow::Result<Value> {
        let path: Vec<String> = path.iter().map(|key| text(&self.whole(key)?)).collect::<Result<_, _>>()?;
        let [map, first, second] = path.as_slice() else { bail!("Fn::FindInMap of {path:?}") };
        let found = self.mappings.get(map).and_then(|map| map.get(first)?.get(second));
        found.cloned().with_context(|| format!("no mapping {path:?}"))
    }

    fn truth(&self, condition: &Value) -> anyhow::Result<bool> {
        let called = condition.as_object().and_then(call);
        Ok(match called {
            Some(("Condition", Value::String(name))) => self.holds(name)?,
            Some(("Fn::Not", Value::Array(of))) => !self.truths(of)?.into_iter().all(|truth| truth),
            Some(("Fn::And", Value::Array(of))) => self.truths(of)?.into_iter().all(|truth| truth),
            Some(("Fn::Or", Value::Array(of))) => self.truths(of)?.into_iter().any(|truth| truth),
            Some(("Fn::Equals", Value::Array(of))) => match of.as_slice() {
                [one, other] => text(&self.whole(one)?)? == text(&self.whole(other)?)?,
                _ => bail!("Fn::Equals of {condition}"),
            },
            _ => bail!("a condition that is not understood: {condition}"),
        })
    }

    fn truths(&self, conditions: &[Value]) -> anyhow::Result<Vec<bool>> {
        conditions.iter().map(|condition| self.truth(condition)).collect()
    }
}

/// A function call is an object of one member with a function's name.
fn call(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = members.iter().next()?;
    let is_call = name == "Ref" || name == "Condition" && argument.is_string() || name.starts_with("Fn::");
    (members.len() == 1 && is_call).then_some((name.as_str(), argument))
}

/// CloudFormation takes and compares every plain value as text.
fn text(value: &Value) -> anyhow::Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => bail!("{value} is not text"),
    }
}

fn as_number(value: &Value) -> anyhow::Result<Value> {
    let Value::String(text) = value else { return Ok(value.clone()) };
    Ok(text.parse::<i64>().with_context(|| format!("{text:?} is not a number"))?.into())
}
