//! Settings of the registry's client: addresses, login, authorities, time limits.

use reqwest::{Certificate, Client, ClientBuilder, Url};
use schema_registry_converter::async_impl::schema_registry::SrSettings;
use secrecy::ExposeSecret;

use super::TIMEOUT;
use crate::RegistryAccess;

/// Settings for a registry at one address or several, separated by commas.
pub(super) fn settings(urls: &str, access: &RegistryAccess) -> Result<SrSettings, String> {
    let mut urls = urls.split(',').map(base);
    let first = urls.next().unwrap_or_else(|| base(""))?;
    let mut builder = SrSettings::new_builder(first);
    for url in urls {
        builder.add_url(url?);
    }
    if let Some(login) = &access.login {
        let password = login.password.expose_secret();
        builder.set_basic_authorization(&login.user, Some(password));
    }
    builder.set_timeout(TIMEOUT);
    builder
        .build_with(client(access)?)
        .map_err(|error| format!("no http client for the registry: {error}"))
}

/// An address as the client wants it: without a slash at its end.
fn base(url: &str) -> Result<String, String> {
    let url = url.trim();
    match Url::parse(url) {
        Ok(base) if !base.cannot_be_a_base() => Ok(url.trim_end_matches('/').to_owned()),
        _ => Err(format!("registry url {url:?} is not a url")),
    }
}

/// An HTTP client that trusts the authorities of the settings besides the system's.
fn client(access: &RegistryAccess) -> Result<ClientBuilder, String> {
    let builder = Client::builder();
    let Some(ca) = &access.ca else {
        return Ok(builder);
    };
    let unreadable = |error: &dyn std::fmt::Display| {
        format!(
            "registry_access.ca: {} cannot be read ({error}); name a PEM file this program may read",
            ca.display()
        )
    };
    let pem = std::fs::read(ca).map_err(|error| unreadable(&error))?;
    let authorities = Certificate::from_pem_bundle(&pem).map_err(|error| unreadable(&error))?;
    Ok(builder.tls_certs_merge(authorities))
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
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

    #[test]
    fn every_address_has_to_be_a_url() {
        let access = RegistryAccess::default();
        assert!(settings("http://a:8081/,  http://b:8081/v7", &access).is_ok());
        for wrong in ["", "registry", "http://a:8081,", "http://a:8081,mailto:b"] {
            assert!(settings(wrong, &access).is_err(), "{wrong}");
        }
    }
}
