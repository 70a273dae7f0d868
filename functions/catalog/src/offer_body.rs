//! Offers as staff send and read them.

use std::collections::BTreeSet;

use domain::catalog::Catalog;
use domain::money::Money;
use domain::offer::{COUNTED, Condition, Limits, Offer};
use domain::percent::{BadPercent, Percent};
use domain::pricing::Reduction;
use domain::selection::Selection;
use domain::text::{EmailDomain, Sku, Slug, Title, Username};
use domain::uses::Level;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use web::{MoneyBody, Problem};

use crate::body::object;

/// What must be so for an offer to apply; judged on list prices.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConditionBody {
    /// The catalog whose products count, and that the benefit is for. Without it and `skus`, every product.
    #[schema(value_type = Option<String>)]
    pub(crate) catalog: Option<Slug>,
    /// The products that count, 1 to 200, in place of a catalog.
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) skus: Option<BTreeSet<Sku>>,
    /// At least so many units of them.
    #[schema(minimum = 1)]
    min_quantity: Option<u32>,
    /// At least so much of them, at list prices.
    min_value: Option<MoneyBody>,
    /// All of `skus` must be in the basket: a whole program.
    whole: bool,
    /// Only for somebody who never bought anything.
    first_purchase: bool,
    /// Only for these users, at most 100.
    #[schema(value_type = Vec<String>)]
    users: BTreeSet<Username>,
    /// Only for e-mail addresses of exactly these domains, at most 100. Who is named by either list is let in.
    #[schema(value_type = Vec<String>)]
    email_domains: BTreeSet<EmailDomain>,
}

/// What an offer takes off.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "type", content = "value", deny_unknown_fields)]
pub(crate) enum BenefitBody {
    /// A share of each line: a number of percent, also as text, with at most four decimals.
    Percent(PercentBody),
    /// An amount off the lines together.
    Absolute(MoneyBody),
    /// The lines together cost this, unless they cost less.
    FixedPrice(MoneyBody),
    /// Nothing to pay. It has no value.
    Free,
    /// One unit of the cheapest line is free. It has no value.
    Cheapest,
}

/// A percentage: `"12.5"`, or `12.5`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value", into = "String")]
pub(crate) struct PercentBody(Percent);

impl TryFrom<serde_json::Value> for PercentBody {
    type Error = BadPercent;

    fn try_from(value: serde_json::Value) -> Result<Self, BadPercent> {
        match value {
            serde_json::Value::String(text) => text.parse().map(Self),
            serde_json::Value::Number(number) => number.to_string().parse().map(Self),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => Err(BadPercent),
        }
    }
}

impl From<PercentBody> for String {
    fn from(PercentBody(percent): PercentBody) -> Self {
        percent.to_string()
    }
}

impl PartialSchema for PercentBody {
    fn schema() -> RefOr<Schema> {
        String::schema()
    }
}

impl ToSchema for PercentBody {}

/// How often an offer applies, and how much it gives in all.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsBody {
    /// Orders.
    #[schema(minimum = 1)]
    max_uses: Option<u32>,
    /// Orders of one user.
    #[schema(minimum = 1)]
    max_uses_per_user: Option<u32>,
    /// Money over all orders; the last one gets what is left.
    max_discount: Option<MoneyBody>,
}

impl LimitsBody {
    pub(crate) fn limits(self) -> Limits {
        Limits {
            max_uses: self.max_uses,
            max_uses_per_user: self.max_uses_per_user,
            max_discount: self.max_discount.map(Money::from),
        }
    }

    fn of(limits: Limits) -> Self {
        let Limits { max_uses, max_uses_per_user, max_discount } = limits;
        // What is only counted has no limit to show.
        let max_uses = max_uses.filter(|most| *most != COUNTED);
        Self { max_uses, max_uses_per_user, max_discount: max_discount.map(MoneyBody::from) }
    }
}

/// An offer as staff send it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfferBody {
    /// Its handle.
    #[schema(value_type = String, pattern = "^[a-z0-9_-]{1,64}$")]
    pub(crate) id: Slug,
    /// What people read.
    #[schema(value_type = String, max_length = 255)]
    pub(crate) name: Title,
    #[serde(default, deserialize_with = "object")]
    pub(crate) condition: ConditionBody,
    pub(crate) benefit: BenefitBody,
    #[serde(default, deserialize_with = "object")]
    pub(crate) limits: LimitsBody,
    /// Its first moment, RFC 3339; null is always.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) starts_at: Option<Timestamp>,
    /// Its end, RFC 3339; null is never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) ends_at: Option<Timestamp>,
    /// Higher ones are applied first.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 65_535)]
    pub(crate) priority: u16,
    /// Whether it combines with no other.
    #[serde(default)]
    pub(crate) exclusive: bool,
    /// Whether it is for every basket, without a code. It cannot be changed later.
    #[serde(default)]
    pub(crate) automatic: bool,
}

impl BenefitBody {
    fn reduction(&self) -> Result<Reduction, Problem> {
        let payable = |amount: MoneyBody| {
            let accepted = payments::exponent::accepts(amount.0.currency());
            let rule = "value must be in a currency that is proven with the processors";
            if accepted { Ok(amount.0) } else { Err(Problem::field("/benefit/value/currency", rule)) }
        };
        Ok(match self {
            Self::Percent(PercentBody(percent)) => Reduction::Percent(*percent),
            Self::Absolute(amount) => Reduction::Absolute(payable(*amount)?),
            Self::FixedPrice(amount) => Reduction::FixedPrice(payable(*amount)?),
            Self::Free => Reduction::Free,
            Self::Cheapest => Reduction::Cheapest,
        })
    }

    fn of(reduction: Reduction) -> Self {
        match reduction {
            Reduction::Percent(percent) => Self::Percent(PercentBody(percent)),
            Reduction::Absolute(amount) => Self::Absolute(amount.into()),
            Reduction::FixedPrice(amount) => Self::FixedPrice(amount.into()),
            Reduction::Free => Self::Free,
            Reduction::Cheapest => Self::Cheapest,
        }
    }
}

impl OfferBody {
    /// The offer, with the catalog that it names as it is now.
    pub(crate) fn draft(self, catalog: Option<Catalog>, now: Timestamp) -> Result<Offer, Problem> {
        let condition = self.condition;
        let products = match (catalog, condition.skus) {
            (Some(_), Some(_)) => return Err(Problem::field("/condition/skus", "either catalog or skus")),
            (Some(catalog), None) => Selection::Catalog(Box::new(catalog)),
            (None, Some(skus)) => Selection::Skus(skus),
            (None, None) => Selection::All,
        };
        Ok(Offer {
            id: self.id,
            name: self.name,
            condition: Condition {
                products,
                min_quantity: condition.min_quantity,
                min_value: condition.min_value.map(Money::from),
                whole: condition.whole,
                first_purchase: condition.first_purchase,
                users: condition.users,
                email_domains: condition.email_domains,
            },
            benefit: self.benefit.reduction()?,
            limits: self.limits.limits(),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            priority: self.priority,
            exclusive: self.exclusive,
            automatic: self.automatic,
            version: 0,
            updated_at: now,
            level: Level::default(),
        })
    }
}

/// How often an offer was used. Orders that wait for payment are counted; those that ended unpaid are not.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfferUsesView {
    orders: u32,
    /// What they were given, where that is limited.
    given: Option<MoneyBody>,
}

/// An offer as it is read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfferView {
    id: String,
    name: String,
    condition: ConditionBody,
    benefit: BenefitBody,
    limits: LimitsBody,
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
    priority: u16,
    exclusive: bool,
    automatic: bool,
    version: u64,
    /// Null in lists, and where neither uses nor money are limited: then nothing is counted.
    uses: Option<OfferUsesView>,
}

impl OfferView {
    /// An offer of a list, without its uses.
    pub(crate) fn listed(offer: Offer) -> Self {
        let Condition { products, min_quantity, min_value, whole, first_purchase, users, email_domains } =
            offer.condition;
        let catalog = products.catalog().cloned();
        let skus = match products {
            Selection::Skus(skus) => Some(skus),
            Selection::All | Selection::Catalog(_) => None,
        };
        let min_value = min_value.map(MoneyBody::from);
        Self {
            id: offer.id.to_string(),
            name: offer.name.to_string(),
            condition: ConditionBody {
                catalog,
                skus,
                min_quantity,
                min_value,
                whole,
                first_purchase,
                users,
                email_domains,
            },
            benefit: BenefitBody::of(offer.benefit),
            limits: LimitsBody::of(offer.limits),
            starts_at: offer.starts_at,
            ends_at: offer.ends_at,
            priority: offer.priority,
            exclusive: offer.exclusive,
            automatic: offer.automatic,
            version: offer.version,
            uses: None,
        }
    }

    /// An offer with its uses.
    pub(crate) fn of(offer: Offer) -> Self {
        let Limits { max_uses, max_discount, .. } = offer.limits;
        let counted = max_uses.is_some() || max_discount.is_some();
        let given = max_discount.and_then(|most| Money::from_minor(offer.level.given, most.currency()).ok());
        let uses = OfferUsesView { orders: offer.level.taken, given: given.map(MoneyBody::from) };
        Self { uses: counted.then_some(uses), ..Self::listed(offer) }
    }
}
