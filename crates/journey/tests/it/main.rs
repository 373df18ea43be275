//! The journey on services of the test's own, each a process as in life.

mod product;

use journey::{Report, walk};
use product::Product;

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_journey() {
    let product = Product::start().await;
    let mut report = Report::quiet();
    if let Err(error) = walk(product.places(), &mut report).await {
        panic!(
            "step “{}”: {error:#}\n{}",
            report.current().unwrap_or("start"),
            product.complaints()
        );
    }
    assert_eq!(report.steps().len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journey_again_after_every_service_was_killed() {
    let mut product = Product::start().await;
    walk(product.places(), &mut Report::quiet())
        .await
        .expect("the first walk");
    product.kill_and_start_again().await;
    let mut report = Report::quiet();
    if let Err(error) = walk(product.places(), &mut report).await {
        panic!(
            "step “{}”: {error:#}\n{}",
            report.current().unwrap_or("start"),
            product.complaints()
        );
    }
}
