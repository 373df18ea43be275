//! The journey on services in an isolated environment, each in its own process.

mod product;

use journey::{Report, run};
use product::Product;

#[tokio::test(flavor = "multi_thread")]
async fn the_journey_succeeds() {
    let product = Product::start().await;
    let mut report = Report::quiet();
    if let Err(error) = run(product.endpoints(), &mut report).await {
        panic!(
            "step “{}”: {error:#}\n{}",
            report.current().unwrap_or("start"),
            product.warnings()
        );
    }
    assert_eq!(report.steps().len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journey_succeeds_after_every_service_was_killed() {
    let mut product = Product::start().await;
    run(product.endpoints(), &mut Report::quiet())
        .await
        .expect("the first run");
    product.kill_and_restart().await;
    let mut report = Report::quiet();
    if let Err(error) = run(product.endpoints(), &mut report).await {
        panic!(
            "step “{}”: {error:#}\n{}",
            report.current().unwrap_or("start"),
            product.warnings()
        );
    }
}
