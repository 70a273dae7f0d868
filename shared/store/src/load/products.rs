//! Reading and listing products.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::catalog::Catalog;
use domain::course_key::CourseKey;
use domain::product::{Kind, Product, Within};
use domain::stock::StockLevel;
use domain::text::{Sku, Slug};

use super::{Page, Partition, Position, Range};
use crate::Store;
use crate::encode::key;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::{Item, number, object, text};
use crate::search::{matches, tokens, words};

/// Which products to list. Filters narrow each other; what an index cannot narrow is left out of the page that it was
/// read with, so a page can be short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductFilter {
    /// Only those of a catalog.
    pub catalog: Option<Slug>,
    /// Only those of a course.
    pub course: Option<CourseKey>,
    /// Only those of a kind.
    pub kind: Option<Kind>,
    /// Only those whose titles have words that begin so.
    pub search: Option<String>,
    /// Also those that are not published.
    pub hidden_too: bool,
}

impl ProductFilter {
    fn takes(&self, product: &Product) -> bool {
        (self.hidden_too || product.published)
            && self.kind.is_none_or(|kind| kind == product.kind)
            && self.course.as_ref().is_none_or(|course| product.course_key.as_ref() == Some(course))
            && self.search.as_ref().is_none_or(|search| matches(product.title.as_str(), &words(search)))
    }
}

/// A product with its levels.
pub(super) fn product(row: &Item) -> Result<Product, StoreError> {
    let mut product: Product = object(row)?;
    for name in row.keys() {
        let Some(record) = name.strip_prefix("avail_").and_then(|record| record.parse::<u32>().ok()) else { continue };
        let count = |of: &str| number(row, &format!("{of}_{record}")).unwrap_or(0);
        let level = StockLevel { available: count("avail"), held: count("held"), sold: count("sold") };
        product.levels.insert(record, level);
    }
    let skus = match row.get("part_of") {
        Some(AttributeValue::Ss(skus)) => {
            let sku = |text: &String| text.parse().map_err(|_| StoreError::Incomplete("sku"));
            skus.iter().map(sku).collect::<Result<_, _>>()?
        }
        Some(_) | None => BTreeSet::new(),
    };
    product.within = Within { skus, changes: number(row, "part_of_changes").unwrap_or(0) };
    Ok(product)
}

impl Store {
    /// Reads a product. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_product(&self, sku: &Sku) -> Result<Option<Product>, StoreError> {
        let row = self.get(Keys(&self.tenant).product(sku), "PRODUCT").await?;
        row.as_ref().map(product).transpose()
    }

    /// Reads up to 100 products. One round trip. Those that do not exist are left out; the rest come in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_products(&self, skus: &[Sku]) -> Result<Vec<Product>, StoreError> {
        let keys = Keys(&self.tenant);
        let mut wanted: Vec<&Sku> = skus.iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let rows = self.get_many(wanted.into_iter().map(|sku| key(keys.product(sku), "PRODUCT")).collect()).await?;
        rows.iter().map(product).collect()
    }

    /// Lists products. One round trip for everything but a search or a catalog, which need one more to read the
    /// products that their rows name; `None` for a catalog that does not exist.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_products(
        &self,
        filter: &ProductFilter,
        limit: u16,
        after: Option<&Position>,
    ) -> Result<Option<Page<Product>>, StoreError> {
        let search = filter.search.as_deref().map(words).unwrap_or_default();
        let longest = search.iter().max_by_key(|word| word.chars().count()).cloned();
        let page = match (&filter.catalog, &filter.course, longest) {
            (Some(catalog), _, _) => match self.list_catalog(catalog, limit, after).await? {
                Some(page) => page,
                None => return Ok(None),
            },
            (None, Some(course), _) => self.list_course(course, limit, after).await?,
            (None, None, Some(word)) => self.list_by_word(&word, limit, after).await?,
            (None, None, None) if filter.search.is_some() => Page { items: Vec::new(), next: None },
            (None, None, None) => self.list_by_kind(filter, limit, after).await?,
        };
        let items = page.items.into_iter().filter(|product| filter.takes(product)).collect();
        Ok(Some(Page { items, next: page.next }))
    }

    /// Public products by kind and SKU; after them, for staff, the hidden ones.
    async fn list_by_kind(
        &self,
        filter: &ProductFilter,
        limit: u16,
        after: Option<&Position>,
    ) -> Result<Page<Product>, StoreError> {
        let keys = Keys(&self.tenant);
        let (public, hidden) = (keys.products(true), keys.products(false));
        let in_hidden = after.and_then(|position| position.get("gsi1pk")).is_some_and(|pk| *pk == hidden);
        let prefix = filter.kind.map(|kind| format!("{}#", kind.name()));
        let pk = if in_hidden { hidden.clone() } else { public };
        let range = prefix.as_deref().map_or(Range::All, Range::Beginning);
        let partition = Partition { range, ..Partition::of_index("gsi1", pk) };
        // A position of one entry stands before the first row of its partition.
        let start = after.filter(|position| position.len() > 1);
        let page = self.query(&partition, i32::from(limit), start).await?;
        let then_hidden = (filter.hidden_too && !in_hidden).then(|| Position::from([("gsi1pk".to_owned(), hidden)]));
        Ok(Page { items: page.items.iter().map(product).collect::<Result<_, _>>()?, next: page.next.or(then_hidden) })
    }

    async fn list_course(
        &self,
        course: &CourseKey,
        limit: u16,
        after: Option<&Position>,
    ) -> Result<Page<Product>, StoreError> {
        let pk = Keys(&self.tenant).course(course);
        let partition = Partition { range: Range::Beginning("PRODUCT#"), ..Partition::of_index("gsi3", pk) };
        let page = self.query(&partition, i32::from(limit), after).await?;
        Ok(Page { items: page.items.iter().map(product).collect::<Result<_, _>>()?, next: page.next })
    }

    /// Products with a word in their title that begins with `word`.
    async fn list_by_word(
        &self,
        word: &str,
        limit: u16,
        after: Option<&Position>,
    ) -> Result<Page<Product>, StoreError> {
        let pk = Keys(&self.tenant).token(word);
        let partition = Partition { range: Range::Beginning(word), ..Partition::of(pk) };
        let page = self.query(&partition, i32::from(limit), after).await?;
        let mut found = Vec::new();
        for row in &page.items {
            let token = text(row, "sk")?.split('#').next().unwrap_or_default().to_owned();
            found.push((token, object::<Sku>(row)?));
        }
        let products = self.in_order(found.iter().map(|(_, sku)| sku.clone()).collect()).await?;
        // A title with two such words has two rows; it is listed with the first of them.
        let first = |product: &Product| {
            tokens(product.title.as_str()).into_iter().find(|token| token.starts_with(word)).unwrap_or_default()
        };
        let listed = |product: &Product| {
            let first = first(product);
            found.iter().any(|(token, sku)| *sku == product.sku && *token == first)
        };
        Ok(Page { items: products.into_iter().filter(listed).collect(), next: page.next })
    }

    /// The products of a catalog by SKU, or `None` if there is no such catalog.
    async fn list_catalog(
        &self,
        id: &Slug,
        limit: u16,
        after: Option<&Position>,
    ) -> Result<Option<Page<Product>>, StoreError> {
        let Some(catalog) = self.read_catalog(id).await? else { return Ok(None) };
        if catalog.query.is_some() {
            return self.list_queried(&catalog, limit, after).await.map(Some);
        }
        let last = after.and_then(|position| position.get("sku"));
        let mut rest = catalog.skus.into_iter().filter(|sku| last.is_none_or(|last| sku.as_str() > last.as_str()));
        let page: Vec<Sku> = rest.by_ref().take(usize::from(limit)).collect();
        let next = match (page.last(), rest.next()) {
            (Some(last), Some(_)) => Some(Position::from([("sku".to_owned(), last.to_string())])),
            (Some(_) | None, Some(_) | None) => None,
        };
        Ok(Some(Page { items: self.in_order(page).await?, next }))
    }

    /// The products of a catalog that says what they are like: those of all that are public, by kind and SKU. What is not
    /// in it is left out of the page that it was read with, so a page can be short.
    async fn list_queried(
        &self,
        catalog: &Catalog,
        limit: u16,
        after: Option<&Position>,
    ) -> Result<Page<Product>, StoreError> {
        let kind = catalog.query.as_ref().and_then(|query| query.kind).filter(|_| catalog.skus.is_empty());
        let page = self.list_by_kind(&ProductFilter { kind, ..ProductFilter::default() }, limit, after).await?;
        let items = page.items.into_iter().filter(|product| catalog.holds(product)).collect();
        Ok(Page { items, next: page.next })
    }

    /// Reads products in the order given, each once.
    async fn in_order(&self, mut skus: Vec<Sku>) -> Result<Vec<Product>, StoreError> {
        let mut seen = std::collections::BTreeSet::new();
        skus.retain(|sku| seen.insert(sku.clone()));
        let mut products = self.read_products(&skus).await?;
        products.sort_by_key(|product| skus.iter().position(|sku| *sku == product.sku));
        Ok(products)
    }
}
