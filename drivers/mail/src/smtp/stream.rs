//! A connection as the SMTP client sees it: guarded against endless replies, and with a greeting of ours in front after
//! TLS has begun.
//!
//! In: TCP, plain or under TLS. Out: a stream that fails when a reply is longer than [`MAX_REPLY_OCTETS`], or when the
//! relay hangs up: the client takes an end for a reply that it does not understand.
//! Not here: deadlines (`connection.rs`).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Of one reply. Chosen: Postfix and Exchange stay below 2 KiB; the client reads a line to its end before it looks at
/// its length.
pub(super) const MAX_REPLY_OCTETS: usize = 16 << 10;

/// TCP, or TLS on it.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Wire for T {}

/// The guarded stream.
pub(super) struct Guarded {
    wire: Box<dyn Wire>,
    peer: SocketAddr,
    /// Read before anything from the wire.
    greeting: &'static [u8],
    /// Read since the last write.
    of_reply: usize,
}

impl Guarded {
    /// `greeting` stands for the one that was read before.
    pub(super) fn new(
        wire: impl Wire + 'static,
        peer: SocketAddr,
        greeting: &'static [u8],
    ) -> Self {
        Self { wire: Box::new(wire), peer, greeting, of_reply: 0 }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.greeting.is_empty() {
            let fits = self.greeting.len().min(buffer.remaining());
            let (now, later) = self.greeting.split_at_checked(fits).unwrap_or((self.greeting, b""));
            buffer.put_slice(now);
            self.greeting = later;
            return Poll::Ready(Ok(()));
        }
        if self.of_reply > MAX_REPLY_OCTETS {
            return Poll::Ready(Err(io::Error::other("a reply without end")));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut *self.wire).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        self.of_reply += read;
        match polled {
            Poll::Ready(Ok(())) if read == 0 && buffer.remaining() > 0 => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the relay hung up")))
            }
            polled => polled,
        }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.of_reply = 0;
        Pin::new(&mut *self.wire).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.wire).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Guarded {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("peer", &self.peer).finish_non_exhaustive()
    }
}
