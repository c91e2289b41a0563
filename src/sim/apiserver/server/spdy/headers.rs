//! Header blocks: names and values, deflated with a dictionary that both sides know.
//! Source: the SPDY protocol, draft 3, 2.6.10 (https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3/).

use std::collections::HashMap;
use std::io;

use flate2::{Decompress, FlushDecompress};

/// The dictionary of the draft.
static DICTIONARY: &[u8] = include_bytes!("../../../../../assets/kubernetes/spdy-dictionary.bin");

/// Larger blocks are refused, bytes.
const LARGEST: usize = 64 * 1024;

/// Names in small letters, and their values.
pub type Headers = HashMap<String, String>;

/// Reads the blocks of one connection, one after the other.
pub struct Reader {
    inflate: Decompress,
    begun: bool,
}

fn broken(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("SPDY headers: {why}"))
}

impl Reader {
    /// One that has read nothing.
    pub fn new() -> io::Result<Self> {
        let mut reader = Self { inflate: Decompress::new(false), begun: false };
        // The dictionary is known by having been read, as a block that is not deflated.
        let length = u16::try_from(DICTIONARY.len()).unwrap_or_default();
        let mut block = vec![0];
        block.extend(length.to_le_bytes());
        block.extend((!length).to_le_bytes());
        block.extend(DICTIONARY);
        reader.inflated(&block)?;
        Ok(reader)
    }

    fn inflated(&mut self, mut bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        loop {
            let (before, mut part) = (self.inflate.total_in(), Vec::with_capacity(4096));
            self.inflate.decompress_vec(bytes, &mut part, FlushDecompress::Sync).map_err(|_| broken("not deflated"))?;
            let read = usize::try_from(self.inflate.total_in() - before).unwrap_or(usize::MAX);
            bytes = bytes.get(read..).unwrap_or_default();
            let more = part.len() == part.capacity();
            out.append(&mut part);
            if out.len() > LARGEST {
                return Err(broken("too many"));
            }
            if !more && (bytes.is_empty() || read == 0) {
                return Ok(out);
            }
        }
    }

    /// The next block.
    pub fn read(&mut self, block: &[u8]) -> io::Result<Headers> {
        // The first begins with zlib's two bytes and four that name the dictionary.
        let skipped = if self.begun { 0 } else { 6 };
        self.begun = true;
        let plain = self.inflated(block.get(skipped..).ok_or_else(|| broken("cut off"))?)?;
        let mut rest = plain.as_slice();
        let number = |rest: &mut &[u8]| -> io::Result<usize> {
            let (bytes, after) = rest.split_first_chunk::<4>().ok_or_else(|| broken("cut off"))?;
            *rest = after;
            Ok(u32::from_be_bytes(*bytes) as usize)
        };
        let count = number(&mut rest)?;
        let mut headers = Headers::new();
        for _ in 0..count {
            let mut text = || -> io::Result<String> {
                let length = number(&mut rest)?;
                let (text, after) = rest.split_at_checked(length).ok_or_else(|| broken("cut off"))?;
                rest = after;
                Ok(String::from_utf8_lossy(text).into_owned())
            };
            let (name, value) = (text()?, text()?);
            headers.insert(name.to_ascii_lowercase(), value);
        }
        Ok(headers)
    }
}

/// No headers: a block that is not deflated and an empty one, as after a flush. The first of a connection begins with zlib's two bytes.
pub fn nothing(first: bool) -> Vec<u8> {
    let mut block = if first { vec![0x78, 0x01] } else { Vec::new() };
    block.extend([0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0]);
    block.extend([0, 0, 0, 0xff, 0xff]);
    block
}
