//! The extractors, as a client of the HTTP door sees them.

use actix_web::{
    App, Responder,
    http::{StatusCode, header},
    test::{TestRequest, call_service, init_service, read_body_json},
    web,
};
use auth::{
    Caller, CallerTenant, Customer, Issuer, MaybeCaller, PlatformAdmin, ServiceCaller, TenantAdmin,
    UserId, Verifier, generate_key_pem,
};
use serde_json::Value;

async fn anyone(caller: Caller) -> impl Responder {
    caller.email
}
async fn perhaps(caller: MaybeCaller) -> impl Responder {
    caller.0.map_or("nobody".to_owned(), |caller| caller.email)
}
async fn landlord(_: PlatformAdmin) -> impl Responder {
    "landlord"
}
async fn admin(_: TenantAdmin) -> impl Responder {
    "admin"
}
async fn customer(caller: Customer, again: Caller) -> impl Responder {
    assert_eq!(*caller, again);
    "customer"
}
async fn machine(_: ServiceCaller) -> impl Responder {
    "machine"
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/anyone", web::get().to(anyone))
        .route("/perhaps", web::get().to(perhaps))
        .route("/PLATFORM_ADMIN", web::get().to(landlord))
        .route("/ADMIN", web::get().to(admin))
        .route("/CUSTOMER", web::get().to(customer))
        .route("/SERVICE", web::get().to(machine));
}

fn issuer() -> Issuer {
    Issuer::from_pem(&generate_key_pem()).unwrap()
}

fn everybody() -> [Caller; 4] {
    let acme = CallerTenant {
        id: uuid::Uuid::now_v7(),
        code: "acme".to_owned(),
    };
    [
        Caller::customer(UserId::generate(), "ann@example.com"),
        Caller::admin(UserId::generate(), "boss@acme.example", acme),
        Caller::platform_admin(UserId::generate(), "landlord@example.com"),
        Caller::service("notification"),
    ]
}

#[tokio::test]
async fn each_role_passes_its_own_door_only() {
    let issuer = issuer();
    let app = init_service(
        App::new()
            .app_data(web::Data::new(issuer.verifier()))
            .configure(routes),
    )
    .await;
    for caller in everybody() {
        let token = issuer.issue(&caller).unwrap().access_token;
        for door in everybody().map(|caller| caller.role) {
            let request = TestRequest::get()
                .uri(&format!("/{door}"))
                .insert_header(bearer(&token))
                .to_request();
            let answer = call_service(&app, request).await;
            if door == caller.role {
                assert_eq!(answer.status(), StatusCode::OK);
                continue;
            }
            assert_eq!(answer.status(), StatusCode::FORBIDDEN);
            assert_eq!(
                answer.headers().get(header::CONTENT_TYPE).unwrap(),
                "application/problem+json"
            );
            let problem: Value = read_body_json(answer).await;
            assert_eq!(problem["type"], "/problems/forbidden");
            assert_eq!(problem["status"], 403);
        }
    }
}

#[tokio::test]
async fn a_request_without_a_good_token_is_told_how_to_get_in() {
    let issuer = issuer();
    let token = issuer.issue(&everybody()[0]).unwrap().access_token;
    let app = init_service(
        App::new()
            .app_data(web::Data::new(issuer.verifier()))
            .configure(routes),
    )
    .await;
    let with_query = format!("/anyone?access_token={token}&token={token}");
    let cases = [
        TestRequest::get().uri("/anyone"),
        TestRequest::get().uri(&with_query),
        TestRequest::get()
            .uri("/anyone")
            .insert_header((header::AUTHORIZATION, "Bearer")),
        TestRequest::get()
            .uri("/anyone")
            .insert_header((header::AUTHORIZATION, "Bearer ")),
        TestRequest::get()
            .uri("/anyone")
            .insert_header((header::AUTHORIZATION, format!("Basic {token}"))),
        TestRequest::get()
            .uri("/anyone")
            .insert_header((header::AUTHORIZATION, token.clone())),
        TestRequest::get()
            .uri("/anyone")
            .append_header(bearer(&token))
            .append_header(bearer(&token)),
        TestRequest::get()
            .uri("/anyone")
            .insert_header(bearer("forged")),
        TestRequest::get()
            .uri("/perhaps")
            .insert_header(bearer("forged")),
        // The sub-protocol counts for a WebSocket only.
        TestRequest::get()
            .uri("/anyone")
            .insert_header(("sec-websocket-protocol", format!("bearer, {token}"))),
    ];
    for request in cases {
        let answer = call_service(&app, request.to_request()).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let how = answer
            .headers()
            .get(header::WWW_AUTHENTICATE)
            .unwrap()
            .to_str()
            .unwrap();
        assert!(how.starts_with("Bearer"), "{how}");
        let problem: Value = read_body_json(answer).await;
        assert_eq!(problem["type"], "/problems/unauthenticated");
        assert!(!problem.to_string().contains(&token));
    }
    let answer = call_service(&app, TestRequest::get().uri("/perhaps").to_request()).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_websocket_brings_its_token_as_a_sub_protocol() {
    let issuer = issuer();
    let token = issuer.issue(&everybody()[0]).unwrap().access_token;
    let app = init_service(App::new().app_data(issuer.verifier()).configure(routes)).await;
    for (protocols, status) in [
        (format!("bearer, {token}"), StatusCode::OK),
        (format!("bearer,{token}"), StatusCode::OK),
        (format!("tenantry.v1, bearer, {token}"), StatusCode::OK),
        (token.clone(), StatusCode::UNAUTHORIZED),
        ("bearer".to_owned(), StatusCode::UNAUTHORIZED),
        ("bearer, forged".to_owned(), StatusCode::UNAUTHORIZED),
    ] {
        let request = TestRequest::get()
            .uri("/anyone")
            .insert_header((header::UPGRADE, "websocket"))
            .insert_header(("sec-websocket-protocol", protocols))
            .to_request();
        assert_eq!(call_service(&app, request).await.status(), status);
    }
}

#[tokio::test]
async fn nobody_is_let_in_while_no_key_is_known() {
    let token = issuer().issue(&everybody()[0]).unwrap().access_token;
    let nowhere = Verifier::new("http://127.0.0.1:9/jwks.json");
    for app in [
        App::new()
            .app_data(web::Data::new(nowhere))
            .configure(routes),
        App::new().configure(routes),
    ] {
        let app = init_service(app).await;
        let answer = call_service(
            &app,
            TestRequest::get()
                .uri("/anyone")
                .insert_header(bearer(&token))
                .to_request(),
        )
        .await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key(header::RETRY_AFTER));
    }
}

fn bearer(token: &str) -> (header::HeaderName, String) {
    (header::AUTHORIZATION, format!("bearer {token}"))
}
