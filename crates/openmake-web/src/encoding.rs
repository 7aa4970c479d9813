//! Which of the compressed forms that the build made a client takes.

use std::io::Read as _;

use flate2::read::GzDecoder;
use http::{HeaderMap, header};

/// A form in which a file can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    /// The name in `Content-Encoding`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// What the build appends to the file's name.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }
}

/// The forms that a client takes, the smallest first.
pub(crate) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = Encoding> {
    let values: Vec<String> = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(taken)
        .collect();
    [Encoding::Brotli, Encoding::Gzip]
        .into_iter()
        .filter(move |encoding| values.iter().any(|name| name == encoding.name()))
}

/// What a gzipped file of the build says, for a client that takes no
/// compression; None where it is not gzip.
pub(crate) fn unpack(gzipped: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    GzDecoder::new(gzipped).read_to_end(&mut plain).ok()?;
    Some(plain)
}

/// The name of a coding, unless its weight of zero refuses it.
fn taken(item: &str) -> Option<String> {
    let mut parts = item.split(';');
    let name = parts.next()?.trim().to_ascii_lowercase();
    let refused = parts.any(|parameter| {
        parameter
            .trim()
            .strip_prefix("q=")
            .is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0))
    });
    (!refused).then_some(name)
}
