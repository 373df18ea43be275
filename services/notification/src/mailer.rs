//! Sends e-mails through an SMTP server, or writes them to a directory if no server is set.

use std::{path::PathBuf, sync::Arc, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp,
};
use secrecy::ExposeSecret;
use service::settings::InvalidSetting;

use crate::{domain::SendError, settings::NotificationSettings, store::emails::DueEmail};

/// Time limit of one attempt; the lease of an e-mail is four times as long.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends e-mails. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Mailer {
    from: Mailbox,
    transport: Transport,
}

#[derive(Clone)]
enum Transport {
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
    Directory(Arc<PathBuf>),
}

impl Mailer {
    /// A mailer for the settings; the mail server takes precedence over the directory.
    pub fn new(settings: &NotificationSettings) -> Result<Self, InvalidSetting> {
        let from = settings
            .mail_from
            .parse()
            .map_err(|error| InvalidSetting::new("TENANTRY_MAIL_FROM", error))?;
        let transport = match (&settings.smtp_url, &settings.mail_dir) {
            (Some(url), _) if !url.expose_secret().is_empty() => {
                // The error may quote the URL and with it the password.
                let invalid_url = |_| {
                    InvalidSetting::new(
                        "TENANTRY_SMTP_URL",
                        "should be smtps://user:password@host[:port]",
                    )
                };
                let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
                    .map_err(invalid_url)?
                    .timeout(Some(SEND_TIMEOUT / 3));
                Transport::Smtp(Box::new(server.build()))
            }
            (_, Some(directory)) => {
                std::fs::create_dir_all(directory)
                    .map_err(|error| InvalidSetting::new("TENANTRY_MAIL_DIR", error))?;
                Transport::Directory(Arc::new(directory.clone()))
            }
            _ => {
                let hint = "set it, or set TENANTRY_MAIL_DIR to write e-mails to a directory";
                return Err(InvalidSetting::new("TENANTRY_SMTP_URL", hint));
            }
        };
        Ok(Self { from, transport })
    }

    /// Sends one e-mail. A repeated attempt sends the same message: same `Message-ID`, same date, same file.
    pub async fn send(&self, email: &DueEmail) -> Result<(), SendError> {
        let message = self.message(email)?;
        let sent = async {
            match &self.transport {
                Transport::Smtp(server) => server
                    .send(message)
                    .await
                    .map(|_| ())
                    .map_err(|error| smtp_error(&error)),
                Transport::Directory(directory) => {
                    write_file(directory, email, &message.formatted()).await
                }
            }
        };
        tokio::time::timeout(SEND_TIMEOUT, sent)
            .await
            .unwrap_or_else(|_| {
                Err(SendError::Transient(
                    "the mail server takes too long".to_owned(),
                ))
            })
    }

    fn message(&self, email: &DueEmail) -> Result<Message, SendError> {
        let to = email
            .recipient
            .parse()
            .map_err(|_| SendError::Permanent("the address is no e-mail address".to_owned()))?;
        Message::builder()
            .message_id(Some(format!("<{}@{}>", email.id, self.from.email.domain())))
            .date(email.created_at.into())
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&email.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(email.body.clone())
            .map_err(|_| SendError::Permanent("the e-mail cannot be built".to_owned()))
    }
}

/// Writes the message to a temporary file and renames it, so that readers never see a partial file.
async fn write_file(
    directory: &std::path::Path,
    email: &DueEmail,
    text: &[u8],
) -> Result<(), SendError> {
    let temporary = directory.join(format!(".{}.{}.part", email.id, email.attempts));
    let written = async {
        tokio::fs::write(&temporary, text).await?;
        tokio::fs::rename(&temporary, directory.join(format!("{}.eml", email.id))).await
    };
    written.await.map_err(|error| {
        SendError::Transient(format!(
            "the mail directory cannot be written: {}",
            error.kind()
        ))
    })
}

/// Describes an SMTP error without the server's text, which may quote the address.
fn smtp_error(error: &smtp::Error) -> SendError {
    let reason = match error.status() {
        Some(code) => format!("the mail server answers {code}"),
        None if error.is_timeout() => "the mail server takes too long".to_owned(),
        None if error.is_tls() => "no secure connection to the mail server".to_owned(),
        None => "the mail server cannot be reached".to_owned(),
    };
    if error.is_permanent() {
        SendError::Permanent(reason)
    } else {
        SendError::Transient(reason)
    }
}
