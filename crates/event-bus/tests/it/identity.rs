//! What a locked broker needs to be tried: an authority with a certificate, and a provider of tokens.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use uuid::Uuid;

/// An authority of one test; its certificate is in a file.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub file: PathBuf,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority of tests");
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let file =
            std::env::temp_dir().join(format!("event-bus-ca-{}.pem", Uuid::now_v7().simple()));
        fs::write(&file, issuer.pem()).expect("a file");
        Self { issuer, file }
    }

    /// Key and certificate of a server on this machine, in one PEM text.
    pub fn server(&self) -> String {
        let key = KeyPair::generate().expect("a key");
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).expect("names");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        format!(
            "{}{}{}",
            key.serialize_pem(),
            certificate.pem(),
            self.issuer.pem()
        )
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _left = fs::remove_file(&self.file);
    }
}

/// Gives signed tokens to one client, over HTTP.
pub struct TokenEndpoint {
    pub url: String,
    /// The keys its tokens are checked with, as a JSON Web Key Set.
    pub keys: String,
    given: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl TokenEndpoint {
    /// Tokens name `client` as subject and live for this many seconds.
    pub async fn start(client: &str, secret: &str, seconds: u64) -> Self {
        let key = KeyPair::generate().expect("a key");
        // An uncompressed point of P-256: 4, then x and y of 32 bytes each.
        let point = key.public_key_raw();
        let coordinate = |range| BASE64_URL_SAFE_NO_PAD.encode(&point[range]);
        let keys = json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "test",
            "x": coordinate(1..33), "y": coordinate(33..65),
        }]});
        let signing = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).expect("a key");
        let login = BASE64_STANDARD.encode(format!("{client}:{secret}"));
        let client = client.to_owned();
        let server = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/token", server.local_addr().expect("bound"));
        let given = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&given);
        let serving = tokio::spawn(async move {
            while let Ok((socket, _)) = server.accept().await {
                let token = || token(&signing, &client, seconds);
                if answer(socket, &login, token).await.unwrap_or(false) {
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self {
            url,
            keys: keys.to_string(),
            given,
            serving,
        }
    }

    /// How many tokens were given.
    pub fn given(&self) -> usize {
        self.given.load(Ordering::SeqCst)
    }
}

impl Drop for TokenEndpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn token(key: &EncodingKey, subject: &str, seconds: u64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("test".to_owned());
    let claims = json!({
        "iss": "test", "sub": subject, "aud": "kafka", "scope": "kafka",
        "iat": now, "exp": now + seconds, "jti": Uuid::now_v7(),
    });
    jsonwebtoken::encode(&header, &claims, key).expect("signed")
}

/// Reads one request and answers it; whether a token was given.
async fn answer(
    mut socket: TcpStream,
    login: &str,
    token: impl Fn() -> String,
) -> std::io::Result<bool> {
    let mut request = String::new();
    let mut piece = [0; 4096];
    while !request.contains("grant_type") {
        let length = socket.read(&mut piece).await?;
        if length == 0 {
            return Ok(false);
        }
        request.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    let known =
        request.contains(&format!("Basic {login}")) && request.contains("client_credentials");
    let (status, body) = if known {
        let body = json!({"access_token": token(), "token_type": "Bearer"});
        ("200 OK", body)
    } else {
        ("401 Unauthorized", json!({"error": "invalid_client"}))
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await?;
    socket.shutdown().await?;
    Ok(known)
}
