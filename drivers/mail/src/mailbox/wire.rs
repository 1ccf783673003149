//! Octets to a server and from it: TCP, TLS, a deadline for each step, and the interrupt.
//!
//! In: settings, octets. Out: octets, or a [`WireError`].
//! STARTTLS is done here, octet by octet, so that nothing that somebody put behind the server's reply in the clear is
//! read as if it had come encrypted: it goes into the handshake, which fails.
//! Source: RFC 3501 6.2.1, RFC 8314 3.2.
//! Not here: what the octets mean (`gate.rs`).

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::{Sleep, sleep};

use super::{Interrupt, MailboxError, MailboxSettings};
use crate::smtp::{Tls, TlsTrouble, begin_tls};

/// Read in the clear before TLS. Chosen: greeting and one reply have a few hundred octets.
const MAX_CLEAR_OCTETS: usize = 16 << 10;

/// A connection as the mailbox uses it.
pub trait Wire: Send {
    /// Whatever is done next must be done by then; until the next call of this.
    fn allow(&mut self, time: Duration);
    /// At least one octet; 0 says that the other end closed.
    ///
    /// # Errors
    /// [`WireError`].
    fn read(&mut self, octets: &mut [u8]) -> Result<usize, WireError>;
    /// All of them.
    ///
    /// # Errors
    /// [`WireError`].
    fn write(&mut self, octets: &[u8]) -> Result<(), WireError>;
}

/// Why a connection gave nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WireError {
    /// The time that was allowed is over. Nothing is lost: the next read goes on where this one was.
    Late,
    /// The interrupt was raised.
    Stopped,
    /// The connection ended.
    Broken(String),
}

/// A connection over the network. It has a runtime of its own, so that it depends on nobody else's, and so that a
/// thread can wait in it.
pub struct NetWire {
    runtime: Option<Runtime>,
    stream: Box<dyn Stream>,
    until: std::pin::Pin<Box<Sleep>>,
    interrupt: Interrupt,
}

/// TCP, or TLS on it.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection, and whether the server's greeting is still to come.
pub(super) struct Connected {
    pub wire: NetWire,
    pub greeting_is_next: bool,
}

impl NetWire {
    /// Connects and encrypts.
    pub(super) fn connect(
        settings: &MailboxSettings,
        interrupt: Interrupt,
    ) -> Result<Connected, MailboxError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| MailboxError::System(error.to_string()))?;
        let time = settings.patience.connect;
        let connected = runtime.block_on(async {
            tokio::select! {
                biased;
                () = interrupt.raised() => Err(MailboxError::Stopped),
                connected = tokio::time::timeout(time, reach(settings)) => {
                    connected.unwrap_or(Err(MailboxError::Late("connecting")))
                }
            }
        });
        match connected {
            Ok(stream) => {
                let until = {
                    let _entered = runtime.enter();
                    Box::pin(sleep(time))
                };
                let greeting_is_next = settings.tls != Tls::StartTls;
                let wire = Self { runtime: Some(runtime), stream, until, interrupt };
                Ok(Connected { wire, greeting_is_next })
            }
            Err(error) => {
                // A name that is still being looked up would be waited for.
                runtime.shutdown_background();
                Err(error)
            }
        }
    }
}

impl Wire for NetWire {
    fn allow(&mut self, time: Duration) {
        if let Some(runtime) = &self.runtime {
            let _entered = runtime.enter(); // timers are the runtime's
            self.until = Box::pin(sleep(time));
        }
    }

    fn read(&mut self, octets: &mut [u8]) -> Result<usize, WireError> {
        let Self { runtime: Some(runtime), stream, until, interrupt } = self else {
            return Err(WireError::Stopped);
        };
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = interrupt.raised() => Err(WireError::Stopped),
                () = until => Err(WireError::Late),
                read = stream.read(octets) => read.map_err(|error| WireError::Broken(error.to_string())),
            }
        })
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), WireError> {
        let Self { runtime: Some(runtime), stream, until, interrupt } = self else {
            return Err(WireError::Stopped);
        };
        runtime.block_on(async {
            let write = async {
                stream.write_all(octets).await?;
                stream.flush().await
            };
            tokio::select! {
                biased;
                () = interrupt.raised() => Err(WireError::Stopped),
                () = until => Err(WireError::Late),
                written = write => written.map_err(|error| WireError::Broken(error.to_string())),
            }
        })
    }
}

impl Drop for NetWire {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn reach(settings: &MailboxSettings) -> Result<Box<dyn Stream>, MailboxError> {
    let unreached = |error: std::io::Error| MailboxError::Connect(error.to_string());
    let config = Arc::new(settings.trust.config()?);
    let tcp = TcpStream::connect((settings.host.as_str(), settings.port)).await;
    let mut tcp = tcp.map_err(unreached)?;
    // Commands are written at once; waiting for more would cost 40 ms each.
    let _ = tcp.set_nodelay(true);
    match settings.tls {
        Tls::Never if tcp.peer_addr().map_err(unreached)?.ip().is_loopback() => {
            return Ok(Box::new(tcp));
        }
        Tls::Never => return Err(MailboxError::Unencrypted),
        Tls::StartTls => start_tls(&mut tcp).await?,
        Tls::Implicit => {}
    }
    let begun = begin_tls(&settings.host, tcp, config).await;
    let stream = begun.map_err(|trouble| match trouble {
        TlsTrouble::Certificate(why) => MailboxError::Certificate(why),
        TlsTrouble::Broken(why) => MailboxError::Broken(why),
    })?;
    Ok(Box::new(stream))
}

/// Greeting and STARTTLS in the clear. Of what the server says here only that it lets TLS begin is believed; one that
/// says that we are logged in already would have us stay in the clear.
async fn start_tls(tcp: &mut TcpStream) -> Result<(), MailboxError> {
    let mut left = MAX_CLEAR_OCTETS;
    if !line(tcp, &mut left).await?.starts_with(b"* OK") {
        return Err(MailboxError::Nonsense("no greeting"));
    }
    let broken = |error: std::io::Error| MailboxError::Broken(error.to_string());
    tcp.write_all(b"tls STARTTLS\r\n").await.map_err(broken)?;
    loop {
        let said = line(tcp, &mut left).await?;
        if said.starts_with(b"tls OK") {
            return Ok(());
        }
        if !said.starts_with(b"* ") {
            return Err(MailboxError::NoTls);
        }
    }
}

async fn line(tcp: &mut TcpStream, left: &mut usize) -> Result<Vec<u8>, MailboxError> {
    let mut line = Vec::new();
    loop {
        let octet = tcp.read_u8().await;
        let octet = octet.map_err(|error| MailboxError::Broken(error.to_string()))?;
        *left = left.checked_sub(1).ok_or(MailboxError::TooLong)?;
        if octet == b'\n' {
            return Ok(line);
        }
        line.push(octet);
    }
}
