//! `infra/template.yaml` as AWS would see it: for one stage, with that stage's parameters put in and conditions decided.
//!
//! What only exists once it is deployed stays as text: `${Table}` for a resource, `${Table.Arn}` for an attribute of it,
//! `${AWS::Region}` for what AWS knows. The tests hold the template to the code by this view, and `cost` prices it. It reads
//! what our template uses of CloudFormation and SAM; anything else is an error, so that nothing is passed over.

mod intrinsics;
mod parts;
mod routing;
mod settings;
mod yaml;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use intrinsics::Scope;

pub use parts::{Alarm, Deployment, Dimension, Effect, Event, Function, LogGroup, Queue, Redrive, Route, Statement};
pub use routing::route;
pub use settings::{Setting, settings};

/// A deployment of the template.
#[derive(Clone, Debug)]
pub struct Stack {
    resources: BTreeMap<String, Resource>,
    globals: Value,
}

/// A resource that the deployment has.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its type, such as `AWS::SQS::Queue`.
    pub kind: String,
    /// Its properties.
    pub properties: Value,
    /// What becomes of it when the stack is deleted.
    pub deletion_policy: Option<String>,
}

impl Stack {
    /// The repository's template as `samconfig.toml` deploys it to a stage.
    ///
    /// # Errors
    /// If a file cannot be read, says nothing of the stage, or uses what is not understood.
    pub fn of(stage: &str) -> anyhow::Result<Self> {
        let text = read("infra/template.yaml")?;
        Self::parse(&text, &overrides(&read("samconfig.toml")?, stage)?).with_context(|| format!("template of {stage}"))
    }

    /// A template's text with values for some of its parameters.
    ///
    /// # Errors
    /// If it is not a template, or uses what is not understood.
    pub fn parse(text: &str, given: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let document = yaml::parse(text)?;
        let section = |name: &str| document.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let scope = Scope::new(&section("Parameters"), given, section("Mappings"), section("Conditions"))?;
        let mut resources = BTreeMap::new();
        for (id, resource) in section("Resources") {
            if let Some(resource) = Resource::of(&resource, &scope).with_context(|| id.clone())? {
                resources.insert(id, resource);
            }
        }
        let globals =
            scope.whole(document.get("Globals").and_then(|all| all.get("Function")).unwrap_or(&Value::Null))?;
        Ok(Self { resources, globals })
    }

    /// Every resource by its logical id.
    #[must_use]
    pub fn resources(&self) -> &BTreeMap<String, Resource> {
        &self.resources
    }

    /// The resource of a logical id.
    ///
    /// # Errors
    /// If there is none.
    pub fn resource(&self, id: &str) -> anyhow::Result<&Resource> {
        self.resources.get(id).with_context(|| format!("there is no resource {id}"))
    }

    /// The resources of one type, read as `T`, by their logical ids.
    ///
    /// # Errors
    /// If one is not a `T`.
    pub fn all<T: DeserializeOwned>(&self, kind: &str) -> anyhow::Result<BTreeMap<String, T>> {
        let these = self.resources.iter().filter(|(_, resource)| resource.kind == kind);
        these.map(|(id, resource)| Ok((id.clone(), read_as(id, &resource.properties)?))).collect()
    }

    /// The functions by the name of their package, with what all functions have in common merged in.
    ///
    /// # Errors
    /// If one is not as ours are.
    pub fn functions(&self) -> anyhow::Result<BTreeMap<String, Function>> {
        let mut functions = BTreeMap::new();
        for (id, resource) in self.resources.iter().filter(|(_, resource)| resource.kind == parts::FUNCTION) {
            let mut properties = self.globals.clone();
            merge(&mut properties, &resource.properties);
            let mut function: Function = read_as(id, &properties)?;
            function.id.clone_from(id);
            functions.insert(function.package()?.to_owned(), function);
        }
        Ok(functions)
    }

    /// The routes of the API with the package that each leads to.
    ///
    /// # Errors
    /// If one does not lead to a function.
    pub fn routes(&self) -> anyhow::Result<Vec<Route>> {
        parts::routes(self)
    }

    /// What a function's role allows.
    ///
    /// # Errors
    /// If its role is not a resource of the template, or has policies that are not written out in it.
    pub fn statements(&self, function: &Function) -> anyhow::Result<Vec<Statement>> {
        parts::statements(self, function)
    }
}

impl Resource {
    /// The resource, unless its condition does not hold.
    fn of(written: &Value, scope: &Scope) -> anyhow::Result<Option<Self>> {
        if let Some(condition) = written.get("Condition").and_then(Value::as_str)
            && !scope.holds(condition)?
        {
            return Ok(None);
        }
        let kind = written.get("Type").and_then(Value::as_str).context("has no Type")?.to_owned();
        let properties = scope.whole(written.get("Properties").unwrap_or(&Value::Object(Map::new())))?;
        let policy = scope.whole(written.get("DeletionPolicy").unwrap_or(&Value::Null))?;
        Ok(Some(Self { kind, properties, deletion_policy: policy.as_str().map(str::to_owned) }))
    }
}

/// A file of the repository.
pub(crate) fn read(path: &str) -> anyhow::Result<String> {
    let path = in_repository(path);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// Where a file of the repository is: beside the sources that this was built from.
pub(crate) fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read_as<T: DeserializeOwned>(id: &str, value: &Value) -> anyhow::Result<T> {
    serde_json::from_value(value.clone()).with_context(|| format!("{id} is not as expected"))
}

/// Puts `over` on top of `base` as SAM does with its globals: maps are merged, anything else is replaced.
fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                merge(base.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// The parameters that `samconfig.toml` gives to a stage: `Name=value` texts, in a list or in one text.
fn overrides(config: &str, stage: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let config: toml::Table = config.parse().context("samconfig.toml")?;
    let table = |value: &toml::Value, name: &str| value.get(name).cloned();
    let stage = config.get(stage).with_context(|| format!("samconfig.toml has no stage {stage}"))?;
    let deploy = table(stage, "deploy").and_then(|deploy| table(&deploy, "parameters"));
    let pairs: Vec<String> = match deploy.and_then(|parameters| table(&parameters, "parameter_overrides")) {
        None => Vec::new(),
        Some(toml::Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(toml::Value::Array(list)) => list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        Some(other) => bail!("parameter_overrides is {other:?}"),
    };
    let pair = |text: &str| {
        let (name, value) = text.split_once('=').with_context(|| format!("{text:?} is not Name=value"))?;
        Ok((name.to_owned(), value.trim_matches('"').to_owned()))
    };
    pairs.iter().map(|text| pair(text)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEMPLATE: &str = r#"
Parameters:
  Stage: { Type: String, Default: dev }
  Reserved: { Type: Number, Default: 0 }
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  Reserves: !Not [!Equals [!Ref Reserved, 0]]
Mappings:
  Sizes: { dev: { Memory: 128 }, prod: { Memory: 256 } }
Globals:
  Function:
    MemorySize: !FindInMap [Sizes, !Ref Stage, Memory]
    Environment: { Variables: { STAGE: !Ref Stage } }
Resources:
  Queue:
    Type: AWS::SQS::Queue
    DeletionPolicy: !If [IsProd, Retain, Delete]
    Properties:
      QueueName: !Sub "${AWS::StackName}-${Stage}-${!Literal}"
      Arn: !Join [":", [a, !GetAtt Dead.Arn, !Ref Dead]]
      Kept: !If [Reserves, !Ref Reserved, !Ref AWS::NoValue]
      With: !Sub ["${Name}/${Other.Arn}", { Name: !Ref Stage }]
  OnlyInProd:
    Type: AWS::SNS::Topic
    Condition: IsProd
"#;

    fn stack(given: &[(&str, &str)]) -> Stack {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Stack::parse(TEMPLATE, &given).unwrap()
    }

    #[test]
    fn parameters_are_put_in_and_what_is_not_known_yet_stays() {
        let dev = stack(&[]);
        assert_eq!(
            dev.resource("Queue").unwrap().properties,
            json!({
                "QueueName": "${AWS::StackName}-dev-${Literal}",
                "Arn": "a:${Dead.Arn}:${Dead}",
                "With": "dev/${Other.Arn}",
            })
        );
        let prod = stack(&[("Stage", "prod"), ("Reserved", "7")]);
        assert_eq!(prod.resource("Queue").unwrap().properties["Kept"], json!(7));
    }

    #[test]
    fn conditions_decide_what_there_is() {
        let policy = |stack: &Stack| stack.resource("Queue").unwrap().deletion_policy.clone().unwrap();
        let (dev, prod) = (stack(&[]), stack(&[("Stage", "prod")]));
        assert_eq!((policy(&dev), policy(&prod)), ("Delete".to_owned(), "Retain".to_owned()));
        assert_eq!((dev.resources().len(), prod.resources().len()), (1, 2));
    }

    #[test]
    fn what_functions_have_in_common_is_merged_and_may_be_replaced() {
        let mut merged = stack(&[]).globals;
        merge(&mut merged, &json!({"Environment": {"Variables": {"MORE": "1"}}, "Layers": ["a"]}));
        assert_eq!(
            merged,
            json!({"MemorySize": 128, "Environment": {"Variables": {"STAGE": "dev", "MORE": "1"}}, "Layers": ["a"]})
        );
    }

    #[test]
    fn what_is_not_understood_is_an_error_that_names_it() {
        for (text, named) in [
            ("Resources: { A: { Type: T, Properties: { B: !Cidr [a, 1] } } }", "Fn::Cidr"),
            ("Resources: { A: { Type: T, Condition: Missing } }", "Missing"),
            ("Resources: { A: { Properties: {} } }", "has no Type"),
            ("Parameters: { P: { Type: String } }", "P"),
            ("Resources: [", "YAML"),
        ] {
            let error = format!("{:#}", Stack::parse(text, &BTreeMap::new()).unwrap_err());
            assert!(error.contains(named), "{text}: {error}");
        }
        let unknown = [("Nope".to_owned(), "1".to_owned())].into();
        assert!(format!("{:#}", Stack::parse(TEMPLATE, &unknown).unwrap_err()).contains("Nope"));
    }

    #[test]
    fn overrides_are_read_in_both_forms() {
        for text in [
            "[prod.deploy.parameters]\nparameter_overrides = \"Stage=prod Deployment=\\\"Canary\\\"\"",
            "[prod.deploy.parameters]\nparameter_overrides = [\"Stage=prod\", \"Deployment=Canary\"]",
        ] {
            let found = overrides(text, "prod").unwrap();
            let expected = [("Deployment", "Canary"), ("Stage", "prod")];
            assert!(found.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(expected), "{found:?}");
        }
        assert!(overrides("", "prod").is_err());
    }
}
