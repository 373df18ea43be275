//! The expiry time of a request's access token.

use actix_web::{
    HttpRequest,
    http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use time::OffsetDateTime;

#[derive(Deserialize)]
struct Claims {
    exp: i64,
}

/// The expiry time of the request's access token. Does not verify the token: the request must have been authenticated
/// by extracting a `Caller`.
pub(super) fn token_expiry(request: &HttpRequest) -> Option<OffsetDateTime> {
    let header = |name| request.headers().get(name)?.to_str().ok();
    // The same order as in `auth`: the header, then the sub-protocol after `bearer`.
    let token = match header(AUTHORIZATION) {
        Some(value) => value.split_once(' ')?.1.trim(),
        None => header(SEC_WEBSOCKET_PROTOCOL)?
            .split(',')
            .map(str::trim)
            .skip_while(|offered| *offered != auth::WEBSOCKET_PROTOCOL)
            .nth(1)?,
    };
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let Claims { exp } = serde_json::from_slice(&claims).ok()?;
    OffsetDateTime::from_unix_timestamp(exp).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use auth::{Caller, Issuer, UserId};

    use super::*;

    #[test]
    fn the_expiry_is_read_from_header_and_sub_protocol() {
        let issuer = Issuer::from_pem(&auth::generate_key_pem()).unwrap();
        let signed = issuer
            .issue(&Caller::customer(UserId::generate(), "a@b.example"))
            .unwrap();
        let expiry =
            OffsetDateTime::from_unix_timestamp(i64::try_from(signed.claims.exp).unwrap()).ok();
        let token = signed.access_token;

        let header =
            TestRequest::default().insert_header((AUTHORIZATION, format!("Bearer {token}")));
        assert_eq!(token_expiry(&header.to_http_request()), expiry);
        let offered = TestRequest::default()
            .insert_header((SEC_WEBSOCKET_PROTOCOL, format!("chat, bearer, {token}")));
        assert_eq!(token_expiry(&offered.to_http_request()), expiry);
        for text in ["bearer", "bearer, x", "bearer, a.b.c", "chat"] {
            let request = TestRequest::default().insert_header((SEC_WEBSOCKET_PROTOCOL, text));
            assert_eq!(token_expiry(&request.to_http_request()), None);
        }
        assert_eq!(
            token_expiry(&TestRequest::default().to_http_request()),
            None
        );
    }
}
