//! How the registry lets us in: a login, and whose word its certificate has.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{
    Certificate, Client, ClientBuilder,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use secrecy::ExposeSecret;

use crate::RegistryAccess;

/// An HTTP client that logs in with each request.
pub(super) fn client(access: &RegistryAccess) -> Result<ClientBuilder, String> {
    let mut builder = Client::builder();
    if let Some(login) = &access.login {
        let pair = format!("{}:{}", login.user, login.password.expose_secret());
        let basic = format!("Basic {}", BASE64_STANDARD.encode(pair));
        let mut basic = HeaderValue::try_from(basic)
            .map_err(|error| format!("registry_access.login: {error}"))?;
        basic.set_sensitive(true);
        builder = builder.default_headers(HeaderMap::from_iter([(AUTHORIZATION, basic)]));
    }
    if let Some(ca) = &access.ca {
        let unreadable = |error: &dyn std::fmt::Display| {
            format!(
                "registry_access.ca: {} cannot be read ({error}); name a PEM file this program may read",
                ca.display()
            )
        };
        let pem = std::fs::read(ca).map_err(|error| unreadable(&error))?;
        let authorities = Certificate::from_pem_bundle(&pem).map_err(|error| unreadable(&error))?;
        builder = builder.tls_certs_merge(authorities);
    }
    Ok(builder)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::{Login, Registry};

    #[tokio::test]
    async fn each_request_logs_in() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", server.local_addr().unwrap());
        let answering = tokio::spawn(async move {
            let (mut socket, _) = server.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = socket.read(&mut request).await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";
            socket.write_all(answer).await.unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let access = RegistryAccess {
            login: Some(Login {
                user: "orders".to_owned(),
                password: "hunter2".into(),
            }),
            ca: None,
        };
        Registry::open(&url, &access)
            .unwrap()
            .health()
            .await
            .unwrap();
        let request = answering.await.unwrap().to_lowercase();
        let basic = BASE64_STANDARD.encode("orders:hunter2").to_lowercase();
        assert!(
            request.contains(&format!("authorization: basic {basic}")),
            "{request}"
        );
    }

    #[test]
    fn authorities_that_do_not_read_are_named() {
        let access = RegistryAccess {
            login: None,
            ca: Some("/nowhere/ca.pem".into()),
        };
        let error = client(&access).err().unwrap();
        assert!(
            error.starts_with("registry_access.ca: /nowhere/ca.pem"),
            "{error}"
        );
    }
}
