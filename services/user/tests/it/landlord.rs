//! The first user of all.

use serde_json::json;

use crate::house::{House, LANDLORD, PASSWORD};

#[tokio::test]
async fn replicas_make_one_landlord_and_leave_their_password_alone() {
    let house = House::build().await;
    let landlord = house.landlord().await;
    let profile = landlord.get("/api/auth/profile").await.expect(200);
    assert_eq!(
        (&profile["role"], &profile["email"]),
        (&json!("PLATFORM_ADMIN"), &json!(LANDLORD))
    );
    let pool = house.world.platform_pool("user").await;
    sqlx::query("DELETE FROM users")
        .execute(&pool)
        .await
        .unwrap();

    let (one, other) = tokio::join!(house.replica(), house.replica());
    let made: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(made, 1);
    house.log_in(LANDLORD, PASSWORD).await;
    one.stop().await;
    other.stop().await;

    sqlx::query("UPDATE users SET password_hash = 'changed'")
        .execute(&pool)
        .await
        .unwrap();
    house.replica().await.stop().await;
    let kept: String = sqlx::query_scalar("SELECT password_hash FROM users")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(kept, "changed");
}
