//! The JSON files of an export: of a ZIP, of a folder, or one by itself.
//!
//! A name in an archive chooses what is read and is never a path to anything.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use serde_json::Value;
use zip::ZipArchive;

use super::{
    Flaw, ForeignError, Found, Reading, Refused, Take,
    json::{self, Element, Elements},
};

/// How a product's files are read.
#[derive(Clone, Copy)]
pub(super) struct Reader {
    /// What a file of this name holds; none for one that is not read. The name
    /// is in lower case and without folders.
    pub(super) table: fn(&str) -> Option<&'static str>,
    /// Reads one element of such a file.
    pub(super) element: fn(&Parsed, &Reading, Take<'_>) -> ControlFlow<()>,
}

/// An element of a file.
#[derive(Debug)]
pub(super) struct Parsed {
    /// What the file holds.
    pub(super) table: &'static str,
    /// Where it was found, for what has no id.
    pub(super) place: String,
    /// The element.
    pub(super) value: Value,
    /// Whether its text had to be repaired.
    pub(super) mended: bool,
}

/// Bytes between two notices of progress.
const NOTICE_EVERY: u64 = 1 << 20;
/// Folders of a folder.
const DEPTH_MAX: usize = 4;

/// Reads every file of an export.
pub(super) fn each_document(
    path: &Path,
    reading: &Reading,
    reader: Reader,
    take: Take<'_>,
) -> Result<(), ForeignError> {
    let mut work = Work {
        reading,
        reader,
        take,
        unpacked: 0,
        documents: 0,
    };
    if path.is_dir() {
        work.folder(path)?;
    } else {
        let mut file = File::open(path)?;
        let mut magic = [0_u8; 4];
        let length = file.read(&mut magic)?;
        file.seek(SeekFrom::Start(0))?;
        if length == 4 && (magic == *b"PK\x03\x04" || magic == *b"PK\x05\x06") {
            work.zip(file)?;
        } else {
            let total = file.metadata()?.len();
            let document = Document {
                table: "conversations",
                name: file_name(path),
                total,
            };
            let _ = work.document(&document, BufReader::with_capacity(1 << 17, file))?;
        }
    }
    if work.documents == 0 {
        return Err(ForeignError::NotAnExport(
            "there are no conversations in it",
        ));
    }
    Ok(())
}

/// One file of an export.
struct Document {
    table: &'static str,
    name: String,
    /// Bytes, for progress.
    total: u64,
}

struct Work<'a> {
    reading: &'a Reading,
    reader: Reader,
    take: Take<'a>,
    /// Bytes of JSON so far, of all files.
    unpacked: u64,
    /// Files that held what they should.
    documents: u64,
}

impl Work<'_> {
    fn folder(&mut self, path: &Path) -> Result<(), ForeignError> {
        let mut files = Vec::new();
        let mut left = self.reading.limits.files;
        list(path, DEPTH_MAX, &mut left, &mut files)?;
        files.sort();
        let wanted: Vec<(PathBuf, &'static str, u64)> = files
            .into_iter()
            .filter_map(|(file, size)| {
                let table = (self.reader.table)(&file_name(&file).to_lowercase())?;
                Some((file, table, size))
            })
            .collect();
        let total = wanted.iter().map(|(_, _, size)| size).sum();
        for (file, table, _) in wanted {
            let document = Document {
                table,
                name: file_name(&file),
                total,
            };
            let source = BufReader::with_capacity(1 << 17, File::open(&file)?);
            if self.document(&document, source)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn zip(&mut self, mut file: File) -> Result<(), ForeignError> {
        let limits = self.reading.limits;
        // Before the list of files is read: it is kept in memory.
        if entries(&mut file)?.is_some_and(|entries| entries > limits.files) {
            return Err(ForeignError::TooManyFiles(limits.files));
        }
        let packed_size = file.metadata()?.len();
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(ForeignError::Zip)?;
        let mut wanted = Vec::new();
        let mut total = 0_u64;
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(ForeignError::Zip)?;
            // A name that is no text is not one of those that are read.
            let Ok(whole) = entry.name() else { continue };
            let name = whole.rsplit(['/', '\\']).next().unwrap_or_default();
            // Apple's shadow of the same file.
            if whole.starts_with("__MACOSX") || name.starts_with("._") {
                continue;
            }
            if let Some(table) = (self.reader.table)(&name.to_lowercase()) {
                total = total.saturating_add(entry.size());
                wanted.push((whole.into_owned(), index, table));
            }
        }
        wanted.sort();
        // What it says of its size is only good for progress.
        let total = total.min(packed_size.saturating_mul(limits.ratio));
        for (name, index, table) in wanted {
            let entry = archive.by_index(index).map_err(ForeignError::Zip)?;
            let most = entry
                .compressed_size()
                .saturating_mul(limits.ratio)
                .max(1 << 20);
            let document = Document { table, name, total };
            let source = Bounded {
                source: entry,
                left: most,
            };
            let source = BufReader::with_capacity(1 << 17, source);
            if self.document(&document, source)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn document(
        &mut self,
        document: &Document,
        source: impl BufRead,
    ) -> Result<ControlFlow<()>, ForeignError> {
        let limits = self.reading.limits;
        let mut told = self.unpacked;
        let mut elements = Elements::new(source, limits.conversation);
        let mut number = 0_u64;
        loop {
            let element = match elements.next() {
                Ok(Some(element)) => element,
                Ok(None) => break,
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    return Err(ForeignError::Bomb(limits.unpacked));
                }
                // A damaged part of a ZIP: what came before it is good.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => Element::Truncated,
                Err(error) => return Err(error.into()),
            };
            number += 1;
            self.documents += u64::from(number == 1);
            let place = format!("{}#{number}", document.name);
            let (length, ended) = match &element {
                Element::Json(bytes) => (bytes.len() as u64, false),
                Element::TooLarge(length) => (*length, false),
                Element::Truncated => (0, true),
            };
            self.unpacked = self.unpacked.saturating_add(length);
            if self.unpacked > limits.unpacked {
                return Err(ForeignError::Bomb(limits.unpacked));
            }
            if self.element(document.table, place, element).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if self.unpacked - told >= NOTICE_EVERY {
                told = self.unpacked;
                let notice = Found::Progress {
                    read: self.unpacked.min(document.total),
                    total: document.total,
                };
                if (self.take)(notice).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if ended {
                break;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn element(&mut self, table: &'static str, place: String, element: Element) -> ControlFlow<()> {
        let (flaw, why) = match element {
            Element::Json(bytes) => match json::parse(&bytes) {
                Ok((value, mended)) => {
                    let parsed = Parsed {
                        table,
                        place,
                        value,
                        mended,
                    };
                    return (self.reader.element)(&parsed, self.reading, self.take);
                }
                Err(error) => (Flaw::Unreadable, error.to_string()),
            },
            Element::TooLarge(length) => (
                Flaw::TooLarge,
                format!("it has {length} bytes, more than is read of one"),
            ),
            Element::Truncated => (Flaw::Truncated, "the file ends within it".to_owned()),
        };
        (self.take)(Found::Refused(Refused {
            table,
            id: place,
            flaw,
            why,
        }))
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Files of a folder and the folders in it; links are not followed.
fn list(
    folder: &Path,
    depth: usize,
    left: &mut u64,
    files: &mut Vec<(PathBuf, u64)>,
) -> Result<(), ForeignError> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Some(rest) = left.checked_sub(1) else {
            return Err(ForeignError::TooManyFiles(*left));
        };
        *left = rest;
        let kind = entry.file_type()?;
        if kind.is_file() {
            files.push((entry.path(), entry.metadata()?.len()));
        } else if kind.is_dir() && depth > 0 {
            list(&entry.path(), depth - 1, left, files)?;
        }
    }
    Ok(())
}

/// A part of an archive that may not become larger than that.
struct Bounded<R> {
    source: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        let Some(left) = self.left.checked_sub(length as u64) else {
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.left = left;
        Ok(length)
    }
}

/// How many files a ZIP says that it has, by the record at its end.
fn entries(file: &mut File) -> io::Result<Option<u64>> {
    /// The record, and the longest comment after it, and the 64-bit locator
    /// before it.
    const TAIL: u64 = 22 + 65_535 + 20;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let found = tail.windows(4).rposition(|bytes| bytes == b"PK\x05\x06");
    let number = |bytes: Option<&[u8]>| {
        bytes.map(|bytes| {
            bytes
                .iter()
                .rev()
                .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte))
        })
    };
    let mut entries = found.and_then(|at| number(tail.get(at + 10..at + 12)));
    if let Some(locator) = tail.windows(4).rposition(|bytes| bytes == b"PK\x06\x07")
        && let Some(offset) = number(tail.get(locator + 8..locator + 16))
    {
        file.seek(SeekFrom::Start(offset))?;
        let mut record = Vec::new();
        file.take(40).read_to_end(&mut record)?;
        if record.starts_with(b"PK\x06\x06") {
            entries = number(record.get(32..40)).max(entries);
        }
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(entries)
}
