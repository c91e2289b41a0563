//! Frames: read from a connection, and made for one.
//! What they mean is `connection.rs`. Source: the SPDY protocol, draft 3, 2.2.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longer frames are refused, bytes.
const LONGEST: usize = 1 << 20;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;

/// Flag of the last frame of a stream.
const FIN: u8 = 1;

/// A frame that means something here.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// A new stream, its header block, and whether the client says nothing on it.
    Open(u32, Bytes, bool),
    Data(u32, Bytes, bool),
    Reset(u32),
    Ping(u32),
    GoAway,
    /// Settings, windows and the like: nothing here depends on them.
    Other,
}

fn number(bytes: &[u8], at: usize) -> io::Result<u32> {
    let part = bytes.get(at..at + 4).and_then(|part| part.first_chunk::<4>());
    let part = part.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "SPDY: a frame is cut off"))?;
    Ok(u32::from_be_bytes(*part) & 0x7fff_ffff)
}

/// Reads the next frame.
pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame> {
    let mut head = [0; 8];
    from.read_exact(&mut head).await?;
    let (flags, length) = (head[4], usize::from(head[5]) << 16 | usize::from(head[6]) << 8 | usize::from(head[7]));
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "SPDY: a frame is too long"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).await?;
    if head[0] & 0x80 == 0 {
        return Ok(Frame::Data(number(&head, 0)?, body.into(), flags & FIN != 0));
    }
    Ok(match u16::from_be_bytes([head[2], head[3]]) {
        SYN_STREAM => {
            let block = Bytes::from(body.get(10..).unwrap_or_default().to_vec());
            Frame::Open(number(&body, 0)?, block, flags & FIN != 0)
        }
        RST_STREAM => Frame::Reset(number(&body, 0)?),
        PING => Frame::Ping(number(&body, 0)?),
        GOAWAY => Frame::GoAway,
        _ => Frame::Other,
    })
}

fn framed(first: u32, flags: u8, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(8 + body.len());
    frame.put_u32(first);
    frame.put_u32(u32::from(flags) << 24 | u32::try_from(body.len()).unwrap_or_default());
    frame.put_slice(body);
    frame.freeze()
}

fn control(kind: u16, body: &[u8]) -> Bytes {
    framed(0x8003_0000 | u32::from(kind), 0, body)
}

/// Bytes on a stream, and whether they are the last.
pub fn data(stream: u32, bytes: &[u8], last: bool) -> Bytes {
    framed(stream, u8::from(last) * FIN, bytes)
}

/// The stream is taken.
pub fn reply(stream: u32, block: &[u8]) -> Bytes {
    control(SYN_REPLY, &[&stream.to_be_bytes(), block].concat())
}

/// The answer to a ping.
pub fn pong(id: u32) -> Bytes {
    control(PING, &id.to_be_bytes())
}
