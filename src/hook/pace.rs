//! A stream whose other end has to keep pace.
//!
//! In: a stream, plain or TLS. Out: the same stream; writing fails once an answer lies about unread for too long, and
//! closing takes in for a moment what is still on its way.
//! Source: RFC 9112 9.6: a server that closes while octets arrive loses its last answer to a reset, so it closes its
//! own half first and reads on.
//! Not here: how long a header or a body may take (`listener.rs`, `body.rs`).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// So much has to be taken within the time for a stalled answer, or all of it. The whole catalogue takes a
/// minute and a half at this pace, which any line has.
const LEAST_OCTETS: usize = 16 << 10;

/// How long and how much is read after the last answer: a body that was too long is on its way still.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_OCTETS: usize = 1 << 20;

/// See the module.
pub struct Paced<S> {
    stream: S,
    limit: Duration,
    stall: Option<Stall>,
    leaving: Option<Leaving>,
}

/// Something waits to be taken.
struct Stall {
    until: Pin<Box<Sleep>>,
    /// Taken since.
    octets: usize,
}

/// Our half is closed.
struct Leaving {
    until: Pin<Box<Sleep>>,
    octets: usize,
}

impl<S> Paced<S> {
    /// `limit`: how long an answer may lie about.
    pub fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, stall: None, leaving: None }
    }

    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(Ok(octets)) => {
                if let Some(stall) = &mut self.stall {
                    stall.octets += octets;
                    if stall.octets >= LEAST_OCTETS {
                        self.stall = None;
                    }
                }
                Poll::Ready(Ok(octets))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.stalls(cx).map(Err),
        }
    }

    fn stalls(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let limit = self.limit;
        let stall = self
            .stall
            .get_or_insert_with(|| Stall { until: Box::pin(tokio::time::sleep(limit)), octets: 0 });
        stall.until.as_mut().poll(cx).map(|()| io::ErrorKind::TimedOut.into())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, octets);
        this.wrote(cx, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, pieces);
        this.wrote(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Hyper flushes when it has handed over all that there is.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_flush(cx) {
            Poll::Ready(flushed) => {
                this.stall = None;
                Poll::Ready(flushed)
            }
            Poll::Pending => this.stalls(cx).map(Err),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.leaving.is_none() {
            match Pin::new(&mut this.stream).poll_shutdown(cx) {
                Poll::Ready(closed) => closed?,
                Poll::Pending => return this.stalls(cx).map(Err),
            }
        }
        let leaving = this.leaving.get_or_insert_with(|| Leaving {
            until: Box::pin(tokio::time::sleep(LINGER)),
            octets: 0,
        });
        let mut piece = [0; 4096];
        while leaving.octets < LINGER_OCTETS && leaving.until.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut piece);
            let read = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer));
            let octets = buffer.filled().len();
            if read.is_err() || octets == 0 {
                break;
            }
            leaving.octets += octets;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const LIMIT: Duration = Duration::from_millis(400);

    #[tokio::test]
    async fn answer_that_nobody_takes_fails_after_its_time_and_not_before() {
        let (near, _far) = tokio::io::duplex(1 << 10);
        let started = tokio::time::Instant::now();
        let mut near = Paced::new(near, LIMIT);
        let error = near.write_all(&[0; 4 << 10]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() >= LIMIT);
    }

    #[tokio::test]
    async fn answer_that_is_taken_in_drips_fails_as_well_and_one_at_a_fair_pace_does_not() {
        for (rest, fails) in [(Duration::from_millis(20), true), (Duration::ZERO, false)] {
            let (near, mut far) = tokio::io::duplex(1 << 10);
            let reader = tokio::spawn(async move {
                let mut piece = [0; 100];
                while far.read_exact(&mut piece).await.is_ok() {
                    if !rest.is_zero() {
                        tokio::time::sleep(rest).await;
                    }
                }
            });
            let mut near = Paced::new(near, LIMIT);
            let wrote = near.write_all(&vec![0; 100 << 10]).await;
            assert_eq!(wrote.is_err(), fails, "{rest:?} between two drips");
            reader.abort();
        }
    }

    #[tokio::test]
    async fn stream_of_pieces_that_are_all_taken_outlives_every_stall() {
        let (near, mut far) = tokio::io::duplex(1 << 10);
        let mut near = Paced::new(near, LIMIT);
        let started = tokio::time::Instant::now();
        while started.elapsed() < 2 * LIMIT {
            let write = async {
                near.write_all(&[0; 2 << 10]).await?;
                near.flush().await
            };
            let read = async {
                tokio::time::sleep(LIMIT / 4).await;
                let mut piece = [0; 2 << 10];
                far.read_exact(&mut piece).await
            };
            let (wrote, read) = tokio::join!(write, read);
            wrote.and(read).expect("it is taken");
        }
    }

    #[tokio::test]
    async fn close_takes_in_what_is_on_its_way_for_a_second_only() {
        let (near, mut far) = tokio::io::duplex(1 << 10);
        let talker = tokio::spawn(async move {
            let mut octets = 0_usize;
            while far.write_all(&[0; 100]).await.is_ok() {
                octets += 100;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            octets
        });
        let started = tokio::time::Instant::now();
        let mut near = Paced::new(near, LIMIT);
        near.shutdown().await.expect("closes");
        assert!(started.elapsed() >= LINGER);
        drop(near);
        assert!(talker.await.expect("ends") > 1 << 10, "more than the pipe holds was taken in");
    }
}
