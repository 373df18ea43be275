//! The platform admin that is created on start.

use serde_json::json;

use crate::fixture::{Fixture, LANDLORD, PASSWORD};

#[tokio::test]
async fn replicas_create_one_landlord_and_keep_an_existing_password() {
    let fixture = Fixture::build().await;
    let landlord = fixture.landlord().await;
    let profile = landlord.get("/api/auth/profile").await.expect(200);
    assert_eq!(
        (&profile["role"], &profile["email"]),
        (&json!("PLATFORM_ADMIN"), &json!(LANDLORD))
    );
    let pool = fixture.world.platform_pool("user").await;
    sqlx::query("DELETE FROM users")
        .execute(&pool)
        .await
        .unwrap();

    let (one, other) = tokio::join!(fixture.replica(), fixture.replica());
    let made: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(made, 1);
    fixture.log_in(LANDLORD, PASSWORD).await;
    one.stop().await;
    other.stop().await;

    sqlx::query("UPDATE users SET password_hash = 'changed'")
        .execute(&pool)
        .await
        .unwrap();
    fixture.replica().await.stop().await;
    let kept: String = sqlx::query_scalar("SELECT password_hash FROM users")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(kept, "changed");
}
