//! Access tokens for tests.

use actix_web::{HttpResponse, web};
use auth::{Caller, CallerTenant, Issuer, UserId, Verifier};
use jsonwebtoken::{Algorithm, EncodingKey, Header};

use crate::{StubServer, TestTenant};

/// Issues access tokens with a generated key, and publishes the key as the user service does.
#[derive(Clone)]
pub struct Identity {
    issuer: std::sync::Arc<Issuer>,
    key_pem: String,
    server: StubServer,
}

impl Identity {
    /// Generates a key and starts the server that publishes it. Must be called on the shared runtime.
    pub(crate) fn start() -> Self {
        let key_pem = auth::generate_key_pem();
        let issuer = Issuer::from_pem(&key_pem).expect("a generated key is valid");
        let issuer = std::sync::Arc::new(issuer);
        let published = web::Data::new(issuer.jwks().clone());
        let token = issuer
            .issue(&Caller::service("order"))
            .expect("the token is signed")
            .access_token;
        let token = web::Data::new(token);
        let server = StubServer::spawn(move |config| {
            config
                .app_data(published.clone())
                .app_data(token.clone())
                .route("/.well-known/jwks.json", web::get().to(jwks))
                .route("/api/auth/service-token", web::post().to(service_token));
        });
        Self {
            issuer,
            key_pem,
            server,
        }
    }

    /// Returns the base URL of the stub user service that publishes the keys and issues service tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Returns a verifier for these tokens.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.issuer.verifier()
    }

    /// Issues a token for any caller.
    #[must_use]
    pub fn token(&self, caller: &Caller) -> String {
        self.issuer
            .issue(caller)
            .expect("the token is signed")
            .access_token
    }

    /// Signs any claims with the valid key, for instance expired ones or ones for another audience.
    #[must_use]
    pub fn sign(&self, claims: &serde_json::Value) -> String {
        let key = EncodingKey::from_ed_pem(self.key_pem.as_bytes()).expect("a generated key");
        let header = Header {
            kid: self.issuer.jwks().keys[0].common.key_id.clone(),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, claims, &key).expect("the token is signed")
    }

    /// Creates a customer with a token.
    #[must_use]
    pub fn customer(&self) -> (Caller, String) {
        let id = UserId::generate();
        self.with_token(Caller::customer(id, format!("{id}@example.com")))
    }

    /// Creates an administrator of this tenant with a token.
    #[must_use]
    pub fn admin_of(&self, tenant: &TestTenant) -> (Caller, String) {
        let id = UserId::generate();
        let tenant = CallerTenant {
            id: tenant.tenant.id.0,
            code: tenant.tenant.code.to_string(),
        };
        self.with_token(Caller::admin(id, format!("{id}@example.com"), tenant))
    }

    /// Creates a platform administrator with a token.
    #[must_use]
    pub fn platform_admin(&self) -> (Caller, String) {
        let id = UserId::generate();
        self.with_token(Caller::platform_admin(id, format!("{id}@example.com")))
    }

    /// Returns the caller for a service with a token.
    #[must_use]
    pub fn service(&self, name: &str) -> (Caller, String) {
        self.with_token(Caller::service(name))
    }

    fn with_token(&self, caller: Caller) -> (Caller, String) {
        let token = self.token(&caller);
        (caller, token)
    }
}

async fn jwks(published: web::Data<auth::JwkSet>) -> HttpResponse {
    HttpResponse::Ok().json(published.get_ref())
}

async fn service_token(token: web::Data<String>) -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({
        "access_token": token.as_str(), "expires_in": 900, "token_type": "Bearer",
    }))
}
