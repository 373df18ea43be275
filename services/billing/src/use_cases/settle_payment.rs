//! A buyer pays.

use service::Tx;

use super::{BillingError, Link, Opened, open_link::enter};
use crate::{
    App,
    convert::succeeded,
    domain::{Change, Payment, Seller},
    store::payments,
};

/// The holder of a payment's link pays. Pressed again, it changes nothing.
///
/// # Errors
/// [`BillingError::NoPayment`] when the link is not genuine; [`BillingError::Refused`] when the order ended first.
pub async fn settle_payment(app: &App, link: Link) -> Result<Opened, BillingError> {
    let tenant = enter(app, &link).await?;
    let mut tx = tenant.begin().await?;
    let mut payment = payments::lock(tx.conn(), link.payment)
        .await?
        .ok_or(BillingError::NoPayment)?;
    let seller = Seller {
        id: tenant.tenant().id,
        code: tenant.tenant().code.to_string(),
    };
    settle(&mut tx, &seller, &mut payment).await?;
    tx.commit().await?;
    Ok(Opened {
        tenant: tenant.tenant().clone(),
        payment,
    })
}

/// Takes the money of a locked payment and says so, once.
pub(super) async fn settle(
    tx: &mut Tx,
    seller: &Seller,
    payment: &mut Payment,
) -> Result<(), BillingError> {
    if payment.settle(tx.now())? == Change::None {
        return Ok(());
    }
    payments::update(tx.conn(), payment).await?;
    let event = succeeded(seller, payment);
    tx.publish(payment.id, payment.version.cast_unsigned(), &event)
        .await?;
    Ok(())
}
