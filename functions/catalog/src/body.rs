//! The shapes that staff send and everyone reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use domain::catalog::{CatalogRefusal, ProductDraft, StockDraft};
use domain::course::Course;
use domain::course_key::CourseKey;
use domain::part::Part;
use domain::places::Country;
use domain::product::{Availability, Kind, Product};
use domain::text::{Mode, Sku, Title};
use jiff::Timestamp;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use web::{Code, MoneyBody, Problem};

/// The most bytes that a product's attributes may take as JSON.
const MAX_ATTRIBUTES: usize = 8 * 1024;
/// The deepest that attributes may nest. A row is read to 128 levels, and the basket and product around them are some.
const MAX_DEPTH: u32 = 16;
/// The longest name of an attribute, in bytes.
const MAX_NAME: usize = 255;
/// Numbers other than nothing and integers, far within what a double holds exactly.
const NUMBERS: std::ops::RangeInclusive<f64> = 1e-100..=1e100;

/// A price window.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StockBody {
    /// The price of one unit, tax excluded.
    pub(crate) price: MoneyBody,
    /// How many units may ever be sold in this window; null is unlimited.
    #[serde(default)]
    #[schema(maximum = 10_000_000)]
    pub(crate) quantity: Option<u32>,
    /// Its first moment, RFC 3339; null is always.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) valid_from: Option<Timestamp>,
    /// Its end, RFC 3339; null is never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) valid_to: Option<Timestamp>,
}

impl StockBody {
    /// The window, if the processors can charge its price.
    pub(crate) fn draft(self, pointer: &str) -> Result<StockDraft, Problem> {
        let price = self.price.0;
        if !payments::exponent::accepts(price.currency()) {
            let detail = format!("{} is not a currency that is proven with the processors", price.currency());
            return Err(Problem::new(Code::UnsupportedCurrency).error(format!("{pointer}/price/currency"), detail));
        }
        if price.is_negative() || payments::exponent::minor_units(price).is_err() {
            let detail = "the processors cannot charge this price";
            return Err(Problem::field(format!("{pointer}/price/amount"), detail));
        }
        if self.quantity.is_some_and(|quantity| quantity > 10_000_000) {
            return Err(Problem::field(format!("{pointer}/quantity"), "quantity must be at most 10000000"));
        }
        Ok(StockDraft { price, quantity: self.quantity, valid_from: self.valid_from, valid_to: self.valid_to })
    }
}

/// Reads an object of which every member may be left out, and no list in its place.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<T, D::Error> {
    struct Members<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(members))
        }
    }
    field.deserialize_map(Members(PhantomData))
}

/// As [`object`], or null.
pub(crate) fn object_or_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Option<T>, D::Error> {
    struct Object<T>(T);
    impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
        fn deserialize<D: Deserializer<'de>>(field: D) -> Result<Self, D::Error> {
            object(field).map(Object)
        }
    }
    Ok(Option::<Object<T>>::deserialize(field)?.map(|Object(value)| value))
}

/// Tells a field that is null from one that is left out.
pub(crate) fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(field).map(Some)
}

/// Windows with the pointers of their faults.
pub(crate) fn stock_drafts(stock: Vec<StockBody>, pointer: &str) -> Result<Vec<StockDraft>, Problem> {
    stock.into_iter().enumerate().map(|(i, window)| window.draft(&format!("{pointer}/{i}"))).collect()
}

/// A product as staff sends it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductBody {
    /// Its SKU.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    pub(crate) sku: Sku,
    /// What it is.
    #[schema(value_type = String, pattern = "^(seat|entitlement|enrollment_code|bundle)$")]
    pub(crate) kind: Kind,
    /// What people read.
    #[schema(value_type = String, max_length = 255)]
    pub(crate) title: Title,
    /// The course run of a seat.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(crate) course_key: Option<CourseKey>,
    /// The mode of a seat or entitlement.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(crate) mode: Option<Mode>,
    /// Further facts by name, at most 8 KiB of JSON.
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, serde_json::Value>,
    /// What a bundle (2 to 15 products) or an enrolment code (one) is made of: SKUs of seats and entitlements.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 15)]
    pub(crate) contains: Vec<Sku>,
    /// Countries in which it is not sold, as ISO 3166-1 alpha-2 has them.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub(crate) blocked_countries: BTreeSet<Country>,
    /// Whether it is seen and sold.
    #[serde(default)]
    pub(crate) published: bool,
    /// Its price windows.
    #[serde(default)]
    pub(crate) stock: Option<Vec<StockBody>>,
}

impl ProductBody {
    pub(crate) fn draft(self) -> Result<ProductDraft, Problem> {
        check_attributes(&self.attributes, "/attributes")?;
        Ok(ProductDraft {
            sku: self.sku,
            kind: self.kind,
            title: self.title,
            course_key: self.course_key,
            mode: self.mode,
            attributes: self.attributes,
            contains: self.contains,
            blocked_countries: self.blocked_countries,
            published: self.published,
            stock: self.stock.map(|stock| stock_drafts(stock, "/stock")).transpose()?,
        })
    }
}

/// Refuses attributes that are too large, too deep, or of numbers out of all reason.
pub(crate) fn check_attributes(attributes: &BTreeMap<String, serde_json::Value>, pointer: &str) -> Result<(), Problem> {
    let size = serde_json::to_vec(attributes).map_err(|error| Problem::internal(&error))?.len();
    if size > MAX_ATTRIBUTES {
        return Err(Problem::field(pointer, "attributes must be at most 8 KiB of JSON"));
    }
    let kept = |(name, value): (&String, &serde_json::Value)| is_name(name) && is_kept(value, MAX_DEPTH);
    if !attributes.iter().all(kept) {
        let rule =
            "attributes must nest at most 16 levels, have names of 1 to 255 bytes, and numbers of 1e-100 to 1e100";
        return Err(Problem::field(pointer, rule));
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
}

/// Whether the table can keep a value, of at most `levels`, as it is.
fn is_kept(value: &serde_json::Value, levels: u32) -> bool {
    let Some(inner) = levels.checked_sub(1) else { return false };
    match value {
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::String(_) => true,
        serde_json::Value::Number(number) => {
            let size = number.as_f64().map(f64::abs);
            !number.is_f64() || size.is_some_and(|size| size == 0.0 || NUMBERS.contains(&size))
        }
        serde_json::Value::Array(items) => items.iter().all(|item| is_kept(item, inner)),
        serde_json::Value::Object(members) => {
            members.iter().all(|(name, member)| is_name(name) && is_kept(member, inner))
        }
    }
}

/// A product as it is read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ProductView {
    /// Its SKU.
    pub(crate) sku: String,
    /// `seat`, `entitlement`, `enrollment_code` or `bundle`.
    pub(crate) kind: &'static str,
    /// What people read.
    pub(crate) title: String,
    /// The course run of a seat.
    pub(crate) course_key: Option<String>,
    /// The mode in which the LMS enrols.
    pub(crate) mode: Option<String>,
    /// Further facts by name.
    pub(crate) attributes: BTreeMap<String, serde_json::Value>,
    /// What a bundle or an enrolment code is made of.
    pub(crate) contains: Vec<PartView>,
    /// Countries in which it is not sold.
    #[schema(value_type = Vec<String>)]
    pub(crate) blocked_countries: BTreeSet<Country>,
    /// The price now; null when it cannot be bought now.
    pub(crate) price: Option<MoneyBody>,
    /// Units left; null is unlimited.
    pub(crate) quantity_available: Option<u32>,
    /// Whether it is seen and sold.
    pub(crate) published: bool,
    /// Counts up with every staff edit; the `ETag`.
    pub(crate) version: u64,
    /// Every price window; to staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stock: Option<Vec<StockView>>,
}

/// One of the products that a bundle or an enrolment code is made of.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PartView {
    /// Its SKU.
    sku: String,
    /// What people read.
    title: String,
    /// `seat` or `entitlement`.
    kind: &'static str,
    /// The course run of a seat.
    course_key: Option<String>,
    /// The mode in which the LMS enrols.
    mode: Option<String>,
}

impl PartView {
    fn of(part: &Part) -> Self {
        Self {
            sku: part.sku.to_string(),
            title: part.title.to_string(),
            kind: part.kind.name(),
            course_key: part.course_key.as_ref().map(ToString::to_string),
            mode: part.mode.as_ref().map(ToString::to_string),
        }
    }
}

/// A price window with its units, as staff reads it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct StockView {
    price: MoneyBody,
    quantity: Option<u32>,
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_from: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_to: Option<Timestamp>,
    /// Units held for unpaid orders.
    held: u32,
    /// Units of paid orders.
    sold: u32,
}

impl ProductView {
    pub(crate) fn of(product: &Product, staff: bool, now: Timestamp) -> Self {
        let quantity_available = match product.availability(now) {
            Availability::Unlimited => None,
            Availability::Limited(left) => Some(left),
            Availability::NotForSale => Some(0),
        };
        Self {
            sku: product.sku.to_string(),
            kind: product.kind.name(),
            title: product.title.to_string(),
            course_key: product.course_key.as_ref().map(ToString::to_string),
            mode: product.mode.as_ref().map(ToString::to_string),
            attributes: product.attributes.clone(),
            contains: product.contains.iter().map(PartView::of).collect(),
            blocked_countries: product.blocked_countries.clone(),
            price: product.offer_at(now).map(|record| record.price.into()),
            quantity_available,
            published: product.published,
            version: product.version,
            stock: staff.then(|| windows(product)),
        }
    }
}

fn windows(product: &Product) -> Vec<StockView> {
    let view = |record: &domain::stock::StockRecord| {
        let level = product.levels.get(&record.number).copied().unwrap_or_default();
        StockView {
            price: record.price.into(),
            quantity: record.quantity,
            valid_from: record.valid_from,
            valid_to: record.valid_to,
            held: level.held,
            sold: level.sold,
        }
    };
    product.stock.iter().map(view).collect()
}

/// A course with its seats, as it is read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CourseView {
    /// Its key.
    pub(crate) course_key: String,
    /// What people read.
    pub(crate) title: String,
    /// The organisation that gives it.
    pub(crate) org: String,
    /// When it begins.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) start: Option<Timestamp>,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) end: Option<Timestamp>,
    /// Its seats, in the order that staff gave.
    pub(crate) seats: Vec<ProductView>,
    /// Counts up with every staff edit of the course; the `ETag`.
    pub(crate) version: u64,
}

impl CourseView {
    pub(crate) fn of(course: &Course, products: &[Product], staff: bool, now: Timestamp) -> Self {
        let seat = |sku: &Sku| products.iter().find(|product| product.sku == *sku);
        let seen = course.seats.iter().filter_map(seat).filter(|product| staff || product.published);
        Self {
            course_key: course.key.to_string(),
            title: course.title.to_string(),
            org: course.org.clone(),
            start: course.start,
            end: course.end,
            seats: seen.map(|product| ProductView::of(product, staff, now)).collect(),
            version: course.version,
        }
    }
}

/// A refused edit as a problem; `within` is the pointer of the object that the refusal's pointers are relative to.
pub(crate) fn refused(refusal: CatalogRefusal, within: &str) -> Problem {
    match refusal {
        CatalogRefusal::VersionMismatch => Problem::new(Code::VersionMismatch),
        CatalogRefusal::Invalid { field, rule } => Problem::field(format!("{within}{field}"), rule),
    }
}
