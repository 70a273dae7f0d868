//! Reading coupons with their parts.

use domain::coupon::{Coupon, CouponCodes, CouponFile};
use domain::text::Slug;

use super::{Page, Partition, Position};
use crate::Store;
use crate::encode::COUPON;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::row::object;

impl Store {
    /// Reads a coupon with its offer and its codes, or its batch. Two round trips; one for a coupon that is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_coupon(&self, id: &Slug) -> Result<Option<CouponFile>, StoreError> {
        let Some(row) = self.get(Keys(&self.tenant).coupon(id), COUPON).await? else { return Ok(None) };
        let coupon: Coupon = object(&row)?;
        let (offer, vouchers, batch) = match &coupon.codes {
            CouponCodes::Named(codes) => {
                let codes: Vec<_> = codes.iter().cloned().collect();
                let (offer, mut vouchers) = tokio::try_join!(self.read_offer(id), self.read_vouchers(&codes))?;
                vouchers.sort_by(|one, other| one.code.cmp(&other.code));
                (offer, vouchers, None)
            }
            CouponCodes::Batch(batch) => {
                let (offer, batch) = tokio::try_join!(self.read_offer(id), self.read_batch(batch))?;
                (offer, Vec::new(), batch)
            }
        };
        Ok(Some(CouponFile { coupon, offer, vouchers, batch }))
    }

    /// Lists coupons by id, without their parts. One round trip.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_coupons(&self, limit: u16, after: Option<&Position>) -> Result<Page<Coupon>, StoreError> {
        let pk = Keys(&self.tenant).coupons();
        let partition = Partition::of_index("gsi1", pk);
        let page = self.query(&partition, i32::from(limit), after).await?;
        Ok(Page { items: page.items.iter().map(object).collect::<Result<_, _>>()?, next: page.next })
    }
}
