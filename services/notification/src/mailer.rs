//! Handing an e-mail over: to the mail server, or into a folder where none is set.

use std::{path::PathBuf, sync::Arc, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp,
};
use secrecy::ExposeSecret;
use service::settings::BadSetting;

use crate::{domain::SendError, settings::NotificationSettings, store::emails::DueEmail};

/// One conversation with the mail server at the most; an e-mail is claimed for four times as long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Hands e-mails over. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Mailer {
    from: Mailbox,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
    Folder(Arc<PathBuf>),
}

impl Mailer {
    /// As the settings say: the mail server before the folder.
    pub fn new(settings: &NotificationSettings) -> Result<Self, BadSetting> {
        let from = settings
            .mail_from
            .parse()
            .map_err(|error| BadSetting::new("TENANTRY_MAIL_FROM", error))?;
        let way = match (&settings.smtp_url, &settings.mail_dir) {
            (Some(url), _) if !url.expose_secret().is_empty() => {
                // The error could quote the URL, and with it the password.
                let wrong = |_| {
                    BadSetting::new(
                        "TENANTRY_SMTP_URL",
                        "should be smtps://user:password@host[:port]",
                    )
                };
                let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
                    .map_err(wrong)?
                    .timeout(Some(PATIENCE / 3));
                Way::Smtp(Box::new(server.build()))
            }
            (_, Some(folder)) => {
                std::fs::create_dir_all(folder)
                    .map_err(|error| BadSetting::new("TENANTRY_MAIL_DIR", error))?;
                Way::Folder(Arc::new(folder.clone()))
            }
            _ => {
                let mend = "set it, or TENANTRY_MAIL_DIR to write e-mails into a folder";
                return Err(BadSetting::new("TENANTRY_SMTP_URL", mend));
            }
        };
        Ok(Self { from, way })
    }

    /// Hands one e-mail over. Done again, it is the same e-mail: same `Message-ID`, same date, same file.
    pub async fn send(&self, email: &DueEmail) -> Result<(), SendError> {
        let message = self.message(email)?;
        let sent = async {
            match &self.way {
                Way::Smtp(server) => server
                    .send(message)
                    .await
                    .map(|_| ())
                    .map_err(|error| of_server(&error)),
                Way::Folder(folder) => write(folder, email, &message.formatted()).await,
            }
        };
        tokio::time::timeout(PATIENCE, sent)
            .await
            .unwrap_or_else(|_| {
                Err(SendError::ForNow(
                    "the mail server takes too long".to_owned(),
                ))
            })
    }

    fn message(&self, email: &DueEmail) -> Result<Message, SendError> {
        let to = email
            .recipient
            .parse()
            .map_err(|_| SendError::ForGood("the address is no e-mail address".to_owned()))?;
        Message::builder()
            .message_id(Some(format!("<{}@{}>", email.id, self.from.email.domain())))
            .date(email.created_at.into())
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&email.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(email.body.clone())
            .map_err(|_| SendError::ForGood("the e-mail cannot be put together".to_owned()))
    }
}

/// Whoever reads the folder sees a whole file or none.
async fn write(folder: &std::path::Path, email: &DueEmail, text: &[u8]) -> Result<(), SendError> {
    let unfinished = folder.join(format!(".{}.{}.part", email.id, email.attempts));
    let written = async {
        tokio::fs::write(&unfinished, text).await?;
        tokio::fs::rename(&unfinished, folder.join(format!("{}.eml", email.id))).await
    };
    written.await.map_err(|error| {
        SendError::ForNow(format!("the folder cannot be written: {}", error.kind()))
    })
}

/// What went wrong, without the server's own words: they may quote the address.
fn of_server(error: &smtp::Error) -> SendError {
    let what = match error.status() {
        Some(code) => format!("the mail server answers {code}"),
        None if error.is_timeout() => "the mail server takes too long".to_owned(),
        None if error.is_tls() => "no secure connection to the mail server".to_owned(),
        None => "the mail server cannot be reached".to_owned(),
    };
    if error.is_permanent() {
        SendError::ForGood(what)
    } else {
        SendError::ForNow(what)
    }
}
