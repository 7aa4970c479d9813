//! A mail server that takes everything and shows it.

use std::net::SocketAddr;

use openmake_gateway::{MailSecurity, MailSettings, Mailer};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_util::task::TaskTracker;

use super::PATIENCE;

/// What it was given, one text a mail: headers and body as they came.
pub(crate) struct MailServer {
    address: SocketAddr,
    taken: mpsc::UnboundedReceiver<String>,
}

impl MailServer {
    /// Starts one; it ends with the test's process.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (give, taken) = mpsc::unbounded_channel();
        let tasks = TaskTracker::new();
        let connections = tasks.clone();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, give.clone()));
            }
        });
        Self { address, taken }
    }

    /// What sends to it.
    pub(crate) fn mailer(&self) -> Mailer {
        let settings = MailSettings {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            security: MailSecurity::None,
            credentials: None,
            from: "Our chat <chat@example.com>".to_owned(),
        };
        Mailer::new(&settings).expect("valid")
    }

    /// The next mail.
    pub(crate) async fn next(&mut self) -> String {
        let mail = tokio::time::timeout(PATIENCE, self.taken.recv()).await;
        mail.expect("a mail in time").expect("a mail")
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.taken.try_recv().is_err()
    }
}

async fn serve(stream: TcpStream, give: mpsc::UnboundedSender<String>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut say = async |text: &str| write.write_all(text.as_bytes()).await.is_ok();
    say("220 mail.example.com\r\n").await;
    let mut mail = None::<String>;
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(text) = &mut mail {
            if line == "." {
                let _ = give.send(mail.take().unwrap_or_default());
                say("250 taken\r\n").await;
            } else {
                text.push_str(&line);
                text.push('\n');
            }
            continue;
        }
        let answer = match line.split(' ').next().unwrap_or_default() {
            "EHLO" => "250-mail.example.com\r\n250 SMTPUTF8\r\n",
            "DATA" => {
                mail = Some(String::new());
                "354 go on\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 fine\r\n",
        };
        say(answer).await;
    }
}
