//! Pictures from elsewhere, fetched so that their host learns nothing of who
//! looks at them.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, header};
use openmake_egress::{
    AllowedHosts, Egress, EgressError, FetchLimits, FetchRequest, OutgoingRequest, Redirects,
    Target,
};
use tokio::sync::Semaphore;

/// The largest picture.
const MAX_BYTES: usize = 10 << 20;
/// From the wait for a place to the last byte; less than a request may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Pictures that are fetched at once: what is held of them is bounded.
const AT_ONCE: usize = 16;
const ACCEPT: HeaderValue =
    HeaderValue::from_static("image/avif,image/webp,image/png,image/jpeg,image/gif");

/// Fetches pictures, from public addresses and those that it was given. Clones
/// share their connections and their places.
#[derive(Clone)]
pub struct Images {
    egress: Egress,
    allowed: AllowedHosts,
    places: Arc<Semaphore>,
}

impl Images {
    /// A fetcher that reaches public addresses, and `allowed` wherever they are.
    pub fn new(egress: Egress, allowed: AllowedHosts) -> Self {
        Self {
            egress,
            allowed,
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// The picture at `url`. Nothing of who asked goes with the request.
    pub(crate) async fn fetch(&self, url: &str) -> Result<Picture, ImageError> {
        let target = Target::parse(url)?;
        let mut request = OutgoingRequest::get(target);
        request.headers.insert(header::ACCEPT, ACCEPT);
        request.allowed = self.allowed.clone();
        request.redirects = Redirects::AnyOrigin;
        let limits = FetchLimits {
            max_bytes: MAX_BYTES,
            timeout: TIMEOUT,
        };
        let work = async {
            let place = self.places.acquire().await;
            let fetched = self.egress.fetch(FetchRequest { request, limits }).await;
            drop(place);
            fetched
        };
        let fetched = tokio::time::timeout(TIMEOUT, work)
            .await
            .unwrap_or(Err(EgressError::Timeout { limit: TIMEOUT }))?;
        if !fetched.status.is_success() {
            return Err(ImageError::Status(fetched.status));
        }
        let format = Format::of(&fetched.body).ok_or(ImageError::NotAPicture)?;
        Ok(Picture {
            format,
            bytes: fetched.body,
        })
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Images")
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    /// It could not be fetched.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// Its host answered with an error.
    #[error("the host answered {0}")]
    Status(http::StatusCode),
    /// What came is none that is shown.
    #[error("what came is not a picture that can be shown")]
    NotAPicture,
}

/// A picture, and what it is by its own bytes.
pub(crate) struct Picture {
    pub(crate) format: Format,
    pub(crate) bytes: Bytes,
}

/// The formats that are shown: rasters only, in which nothing can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Png,
    Jpeg,
    Gif,
    WebP,
    Avif,
}

impl Format {
    /// What `bytes` are, by how they begin; what their host calls them is not
    /// asked.
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::WebP),
            [a, b, c, d, b'f', b't', b'y', b'p', rest @ ..] => {
                let length = u32::from_be_bytes([*a, *b, *c, *d]);
                is_avif(rest, usize::try_from(length).ok()?).then_some(Self::Avif)
            }
            _ => None,
        }
    }

    /// `image/png` and the like.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Avif => "image/avif",
        }
    }

    /// The ending of a file of it.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::WebP => "webp",
            Self::Avif => "avif",
        }
    }
}

/// Whether a file type box of `length` bytes, of which 8 were read, names AVIF
/// as the file's brand or as one that it is compatible with.
fn is_avif(rest: &[u8], length: usize) -> bool {
    // The major brand, its version, then the compatible ones.
    let end = length.saturating_sub(8).min(256);
    let brands = rest.get(..end).unwrap_or(rest).chunks_exact(4);
    brands
        .enumerate()
        .any(|(at, brand)| at != 1 && matches!(brand, b"avif" | b"avis"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_bytes() {
        for (bytes, format) in [
            (&b"\x89PNG\r\n\x1a\nrest"[..], Format::Png),
            (b"\xff\xd8\xff\xe0JFIF", Format::Jpeg),
            (b"GIF89a....", Format::Gif),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Format::WebP),
            (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B", Format::Avif),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Format::Avif),
        ] {
            assert_eq!(Format::of(bytes), Some(format));
        }
    }

    #[test]
    fn what_is_no_raster_is_refused() {
        for bytes in [
            &b""[..],
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            b"<!doctype html>",
            b"\x89PNG",
            b"RIFF\x10\0\0\0WAVEfmt ",
            b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
            b"\0\0\0\x10ftypmif1\0\0\0\0avif",
            b"\xff\xff\xff\xffftyp",
        ] {
            assert_eq!(Format::of(bytes), None, "{bytes:?}");
        }
    }
}
