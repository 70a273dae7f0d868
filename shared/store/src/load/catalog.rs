//! Reading courses with their seats, and named catalogs.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::catalog::{Catalog, CourseFile, Links};
use domain::course::Course;
use domain::course_key::CourseKey;
use domain::product::Product;
use domain::text::{Sku, Slug};

use super::products::product;
use super::{Page, Partition, Position};
use crate::Store;
use crate::encode::key;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::{Item, number, object, text};

/// The most rows of one course that are read: far above any course's seats.
const MAX_MEMBERS: i32 = 200;

impl Store {
    /// Reads a course with every product that belongs to it, hidden ones included. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_course(&self, course: &CourseKey) -> Result<CourseFile, StoreError> {
        let pk = Keys(&self.tenant).course(course);
        let partition = Partition::of_index("gsi3", pk);
        let mut file = CourseFile::default();
        for row in self.query(&partition, MAX_MEMBERS, None).await?.items {
            match text(&row, "sk")? {
                "COURSE" => file.course = Some(object(&row)?),
                _ => file.products.push(product(&row)?),
            }
        }
        Ok(file)
    }

    /// Reads what an edit of a course is decided on, as it is at this moment: the course, its products, and the
    /// products that the edit names. Two round trips, and one more for what contains any of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_course_for_edit(&self, course: &CourseKey, named: &[Sku]) -> Result<CourseFile, StoreError> {
        let keys = Keys(&self.tenant);
        let members = self.read_course(course).await?.products;
        let mut skus: Vec<Sku> = members.into_iter().map(|product| product.sku).chain(named.iter().cloned()).collect();
        skus.sort_unstable();
        skus.dedup();
        let mut wanted = vec![key(keys.course(course), "COURSE")];
        wanted.extend(skus.iter().take(99).map(|sku| key(keys.product(sku), "PRODUCT")));
        let mut file = CourseFile::default();
        for row in self.get_many(wanted).await? {
            match text(&row, "sk")? {
                "COURSE" => file.course = Some(object(&row)?),
                _ => file.products.push(product(&row)?),
            }
        }
        let around: Vec<Sku> = file.products.iter().flat_map(|product| product.within.skus.clone()).collect();
        let around: Vec<Sku> = BTreeSet::from_iter(around).into_iter().collect();
        for some in around.chunks(100) {
            file.around.extend(self.read_products(some).await?);
        }
        Ok(file)
    }

    /// Lists courses by key, each with its seats. Two round trips: the courses, and their seats together.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_courses(
        &self,
        limit: u16,
        after: Option<&Position>,
    ) -> Result<Page<(Course, Vec<Product>)>, StoreError> {
        let pk = Keys(&self.tenant).courses();
        let partition = Partition::of_index("gsi1", pk);
        let page = self.query(&partition, i32::from(limit), after).await?;
        let courses: Vec<Course> = page.items.iter().map(object).collect::<Result<_, _>>()?;
        let skus: Vec<Sku> = courses.iter().flat_map(|course| course.seats.clone()).collect();
        let mut seats = Vec::with_capacity(skus.len());
        for some in skus.chunks(100) {
            seats.extend(self.read_products(some).await?);
        }
        let with_seats = |course: Course| {
            let find = |sku: &Sku| seats.iter().find(|product| product.sku == *sku).cloned();
            let own = course.seats.iter().filter_map(find).collect();
            (course, own)
        };
        Ok(Page { items: courses.into_iter().map(with_seats).collect(), next: page.next })
    }

    /// Reads a catalog. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_catalog(&self, id: &Slug) -> Result<Option<Catalog>, StoreError> {
        let row = self.get(Keys(&self.tenant).catalog(id), "CATALOG").await?;
        row.as_ref().map(catalog).transpose()
    }

    /// Lists catalogs by id. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_catalogs(&self, limit: u16, after: Option<&Position>) -> Result<Page<Catalog>, StoreError> {
        let pk = Keys(&self.tenant).catalogs();
        let partition = Partition::of_index("gsi1", pk);
        let page = self.query(&partition, i32::from(limit), after).await?;
        Ok(Page { items: page.items.iter().map(catalog).collect::<Result<_, _>>()?, next: page.next })
    }
}

/// A catalog with the offers that name it.
fn catalog(row: &Item) -> Result<Catalog, StoreError> {
    let slug = |text: &String| text.parse().map_err(|_| StoreError::Incomplete("offer"));
    let offers = match row.get("offers") {
        Some(AttributeValue::Ss(offers)) => offers.iter().map(slug).collect::<Result<_, _>>()?,
        Some(_) | None => BTreeSet::new(),
    };
    let changes = number(row, "link_changes").unwrap_or(0);
    Ok(Catalog { links: Links { offers, changes }, ..object(row)? })
}
