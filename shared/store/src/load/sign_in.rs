//! Everything that a sign-in or a sign-out is decided on.

use std::collections::BTreeSet;

use domain::basket::Basket;
use domain::owner::{Owner, SessionKey, UserId};
use domain::product::Product;
use domain::text::Sku;
use domain::user::User;
use jiff::Timestamp;

use super::basket::{basket, kept};
use super::products::product;
use crate::Store;
use crate::encode::key;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::{object, text};

/// A user and the two baskets that become one, with what is known of the products in the anonymous one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SignInView {
    /// The user, if it was met before.
    pub user: Option<User>,
    /// The user's basket. One past its time is empty.
    pub own: Option<Basket>,
    /// The anonymous session's basket. One past its time is empty.
    pub anonymous: Option<Basket>,
    /// Those of the anonymous basket's products that exist, as they are now.
    pub products: Vec<Product>,
    /// Those of them that the user has.
    pub owned: BTreeSet<Sku>,
}

impl Store {
    /// Reads a user with both baskets; then, if there is something in the anonymous one, its products and whether the
    /// user has them. Two round trips, or one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_sign_in(
        &self,
        user: &UserId,
        anonymous: Option<&SessionKey>,
        now: Timestamp,
    ) -> Result<SignInView, StoreError> {
        let keys = Keys(&self.tenant);
        let own = keys.basket(&Owner::User(user.clone()));
        let mut wanted = vec![key(keys.user(user), "USER"), key(own.clone(), "BASKET")];
        wanted.extend(anonymous.map(|of| key(keys.basket(&Owner::Session(of.clone())), "BASKET")));
        let mut view = SignInView::default();
        for row in self.get_many(wanted).await? {
            match text(&row, "sk")? {
                "USER" => view.user = Some(object(&row)?),
                _ if text(&row, "pk")? == own => view.own = Some(kept(basket(&row)?, now)),
                _ => view.anonymous = Some(kept(basket(&row)?, now)),
            }
        }
        self.read_what_merges(user, &mut view).await?;
        Ok(view)
    }

    async fn read_what_merges(&self, user: &UserId, view: &mut SignInView) -> Result<(), StoreError> {
        let keys = Keys(&self.tenant);
        let lines = view.anonymous.iter().flat_map(|basket| &basket.lines);
        let wanted = lines.flat_map(|line| {
            let sku = &line.product.sku;
            [key(keys.product(sku), "PRODUCT"), key(keys.owned(user), format!("SKU#{sku}"))]
        });
        for row in self.get_many(wanted.collect()).await? {
            match text(&row, "sk")?.strip_prefix("SKU#").and_then(|sku| sku.parse().ok()) {
                None => view.products.push(product(&row)?),
                Some(sku) if row.contains_key("lines") => {
                    view.owned.insert(sku);
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Reads an anonymous session's basket as it stands, for a sign-out. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_anonymous_basket(&self, session: &SessionKey) -> Result<Option<Basket>, StoreError> {
        let row = self.get(Keys(&self.tenant).basket(&Owner::Session(session.clone())), "BASKET").await?;
        row.as_ref().map(basket).transpose()
    }
}
