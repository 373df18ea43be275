//! Forged tokens, each different from a valid one in one respect.

use auth::{AuthError, Caller, Issuer, JwkSet, UserId, Verifier, generate_key_pem};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Sha256;

struct TokenForge {
    pem: String,
    issuer: Issuer,
    verifier: Verifier,
}

impl TokenForge {
    fn new() -> Self {
        let pem = generate_key_pem();
        let issuer = Issuer::from_pem(&pem).unwrap();
        let verifier = issuer.verifier();
        Self {
            pem,
            issuer,
            verifier,
        }
    }

    fn header(&self) -> Value {
        json!({ "alg": "EdDSA", "typ": "JWT", "kid": kid(self.issuer.jwks()) })
    }

    fn claims() -> Value {
        let now = jsonwebtoken::get_current_timestamp();
        json!({
            "sub": UserId::generate(), "email": "ann@example.com", "role": "CUSTOMER", "iss": "tenantry",
            "aud": "tenantry-api", "iat": now, "exp": now + 900, "jti": uuid::Uuid::now_v7(),
        })
    }

    /// A token with any header and claims, signed with the valid key.
    fn signed(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let key = EncodingKey::from_ed_pem(self.pem.as_bytes()).unwrap();
        format!(
            "{message}.{}",
            sign(message.as_bytes(), &key, Algorithm::EdDSA).unwrap()
        )
    }

    fn with_header(&self, name: &str, value: Value) -> String {
        self.signed(&with(self.header(), name, value), &Self::claims())
    }

    fn with_claim(&self, name: &str, value: Value) -> String {
        self.signed(&self.header(), &with(Self::claims(), name, value))
    }

    fn assert_rejected(&self, what: &str, token: &str) {
        let response = self.verifier.verify_cached(token);
        assert!(
            matches!(response, Err(AuthError::Invalid(_) | AuthError::Expired)),
            "{what}: {response:?}"
        );
    }
}

fn kid(keys: &JwkSet) -> String {
    keys.keys[0].common.key_id.clone().unwrap()
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

fn message(header: &Value, claims: &Value) -> String {
    format!(
        "{}.{}",
        B64.encode(header.to_string()),
        B64.encode(claims.to_string())
    )
}

#[test]
fn the_unmodified_token_is_valid() {
    let forge = TokenForge::new();
    let token = forge.signed(&forge.header(), &TokenForge::claims());
    assert!(forge.verifier.verify_cached(&token).is_ok());
}

#[test]
fn unsigned_and_wrongly_signed_tokens_are_rejected() {
    let forge = TokenForge::new();
    let none = message(
        &with(forge.header(), "alg", json!("none")),
        &TokenForge::claims(),
    );
    for (what, token) in [
        ("none", format!("{none}.")),
        (
            "None",
            message(
                &with(forge.header(), "alg", json!("None")),
                &TokenForge::claims(),
            ) + ".",
        ),
        ("none with a signature", format!("{none}.AAAA")),
        (
            "no signature",
            message(&forge.header(), &TokenForge::claims()) + ".",
        ),
        ("two parts", message(&forge.header(), &TokenForge::claims())),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("noise", "a.b.c".to_owned()),
        (
            "too long",
            forge.with_claim("email", json!("x".repeat(8000))),
        ),
    ] {
        forge.assert_rejected(what, &token);
    }

    // Algorithm confusion: the public key, in any encoding, must not work as an HMAC secret.
    let public = serde_json::to_value(&forge.issuer.jwks().keys[0]).unwrap();
    let x = public["x"].as_str().unwrap();
    for secret in [
        x.as_bytes().to_vec(),
        B64.decode(x).unwrap(),
        public.to_string().into_bytes(),
    ] {
        let message = message(
            &with(forge.header(), "alg", json!("HS256")),
            &TokenForge::claims(),
        );
        let mac = Hmac::<Sha256>::new_from_slice(&secret)
            .unwrap()
            .chain_update(&message)
            .finalize();
        forge.assert_rejected(
            "HS256 with the public key",
            &format!("{message}.{}", B64.encode(mac.into_bytes())),
        );
    }

    // Another Ed25519 key under the valid key id.
    let other = TokenForge::new();
    let stranger = other.signed(&forge.header(), &TokenForge::claims());
    forge.assert_rejected("another key", &stranger);
    // A valid signature with other claims.
    let good = forge.signed(&forge.header(), &TokenForge::claims());
    let platform_admin = message(
        &forge.header(),
        &with(TokenForge::claims(), "role", json!("PLATFORM_ADMIN")),
    );
    forge.assert_rejected(
        "moved signature",
        &format!("{platform_admin}.{}", good.rsplit('.').next().unwrap()),
    );
}

#[test]
fn tokens_that_choose_their_own_key_are_rejected() {
    let forge = TokenForge::new();
    let attacker = TokenForge::new();
    let jwk = serde_json::to_value(&attacker.issuer.jwks().keys[0]).unwrap();
    for (name, value) in [
        ("jku", json!("https://evil.example/jwks.json")),
        ("jwk", jwk.clone()),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["b64"])),
        ("zip", json!("DEF")),
    ] {
        forge.assert_rejected(name, &forge.with_header(name, value.clone()));
        let header = with(attacker.header(), name, value);
        forge.assert_rejected(name, &attacker.signed(&header, &TokenForge::claims()));
    }
    for (what, value) in [
        ("unknown kid", json!("nobody")),
        ("path as kid", json!("../../dev/null")),
        ("empty kid", json!("")),
        ("number as kid", json!(1)),
    ] {
        forge.assert_rejected(what, &forge.with_header("kid", value));
    }
    forge.assert_rejected(
        "no kid",
        &forge.signed(&without(forge.header(), "kid"), &TokenForge::claims()),
    );
}

#[test]
fn malformed_or_foreign_claims_are_rejected() {
    let forge = TokenForge::new();
    let now = jsonwebtoken::get_current_timestamp();
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", json!(["tenantry"])),
        ("iss", json!(null)),
        ("aud", json!("other-api")),
        ("aud", json!(["tenantry-api"])),
        ("aud", json!(["tenantry-api", "other-api"])),
        ("exp", json!(now - 60)),
        ("exp", json!((now + 900).to_string())),
        ("exp", json!(-1)),
        ("exp", json!(1.5e300)),
        ("exp", json!(null)),
        ("exp", json!([now + 900])),
        ("nbf", json!(now + 600)),
        ("nbf", json!((now - 600).to_string())),
        ("nbf", json!({})),
        ("iat", json!("yesterday")),
        ("sub", json!("root")),
        ("sub", json!(7)),
        ("role", json!("customer")),
        ("role", json!(["PLATFORM_ADMIN"])),
        ("role", json!("ADMIN")),
        ("role", json!("SERVICE")),
        ("tenantCode", json!("acme")),
        ("tenantId", json!(uuid::Uuid::now_v7())),
        ("service", json!("notification")),
        ("jti", json!(0)),
    ] {
        forge.assert_rejected(&format!("{name} = {value}"), &forge.with_claim(name, value));
    }
    for name in ["sub", "email", "role", "iss", "aud", "exp", "iat", "jti"] {
        forge.assert_rejected(
            name,
            &forge.signed(&forge.header(), &without(TokenForge::claims(), name)),
        );
    }
    let over = forge.with_claim("exp", json!(now - 60));
    assert_eq!(forge.verifier.verify_cached(&over), Err(AuthError::Expired));
}

proptest! {
    #[test]
    fn any_changed_character_invalidates_a_token(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let forge = TokenForge::new();
        let good = forge.issuer.issue(&Caller::customer(UserId::generate(), "ann@example.com")).unwrap().access_token;
        let at = at.index(good.len());
        let mut changed = good.clone();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != good);
        prop_assert!(forge.verifier.verify_cached(&changed).is_err(), "changed at {}", at);
    }

    #[test]
    fn arbitrary_text_does_not_panic(text in ".{0,200}") {
        prop_assert!(TokenForge::new().verifier.verify_cached(&text).is_err());
    }
}
