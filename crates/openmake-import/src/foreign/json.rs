//! The elements of a JSON array of gigabytes, one after the other.

use std::io::{self, BufRead};

use serde_json::Value;

/// One element, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// Its bytes.
    Json(Vec<u8>),
    /// It was skipped; so many bytes.
    TooLarge(u64),
    /// The text ends within it.
    Truncated,
}

/// Where in the text it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Before,
    /// Between the elements of the array.
    Within,
    After,
}

/// Splits a text that is an array of values, or one value, into its values.
/// Looks at brackets and quotes only; what is between them is for a parser.
#[derive(Debug)]
pub(super) struct Elements<R> {
    source: R,
    stand: Stand,
    /// Bytes of an element.
    limit: usize,
}

impl<R: BufRead> Elements<R> {
    /// Elements of at most `limit` bytes.
    pub(super) const fn new(source: R, limit: usize) -> Self {
        Self {
            source,
            stand: Stand::Before,
            limit,
        }
    }

    /// The next one; none at the end, and for a text that is no JSON.
    pub(super) fn next(&mut self) -> io::Result<Option<Element>> {
        if self.stand == Stand::After {
            return Ok(None);
        }
        if self.stand == Stand::Before {
            self.stand = Stand::After;
            match self.peek_solid()? {
                Some(b'[') => {
                    self.source.consume(1);
                    self.stand = Stand::Within;
                }
                Some(b'{') => return self.element().map(Some),
                Some(_) | None => return Ok(None),
            }
        }
        loop {
            match self.peek_solid()? {
                Some(b',') => self.source.consume(1),
                Some(b']') => {
                    self.source.consume(1);
                    self.stand = Stand::After;
                    return Ok(None);
                }
                Some(_) => {
                    let element = self.element()?;
                    if element == Element::Truncated {
                        self.stand = Stand::After;
                    }
                    return Ok(Some(element));
                }
                None => {
                    self.stand = Stand::After;
                    return Ok(Some(Element::Truncated));
                }
            }
        }
    }

    /// The next byte that is neither white space nor a byte order mark.
    fn peek_solid(&mut self) -> io::Result<Option<u8>> {
        loop {
            let buffer = self.source.fill_buf()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let solid = buffer.iter().position(|byte| {
                !matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0xef | 0xbb | 0xbf)
            });
            let Some(at) = solid else {
                let length = buffer.len();
                self.source.consume(length);
                continue;
            };
            let byte = buffer.get(at).copied();
            self.source.consume(at);
            return Ok(byte);
        }
    }

    fn element(&mut self) -> io::Result<Element> {
        let mut bytes = Vec::new();
        let mut length = 0_u64;
        let mut scan = Scan::default();
        loop {
            let buffer = self.source.fill_buf()?;
            if buffer.is_empty() {
                // A number may end with the text, where it is the text.
                return Ok(Element::Truncated);
            }
            let (taken, ended) = scan.run(buffer);
            let part = buffer.get(..taken).unwrap_or_default();
            length = length.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
            if bytes.len().saturating_add(taken) <= self.limit {
                bytes.extend_from_slice(part);
            } else {
                // Nothing of it is kept from here on.
                drop(bytes);
                self.source.consume(taken);
                if ended {
                    return Ok(Element::TooLarge(length));
                }
                match self.skip(&mut scan)? {
                    Some(rest) => return Ok(Element::TooLarge(length.saturating_add(rest))),
                    None => return Ok(Element::Truncated),
                }
            }
            self.source.consume(taken);
            if ended {
                return Ok(Element::Json(bytes));
            }
        }
    }

    /// Goes to the end of an element; how many bytes that was.
    fn skip(&mut self, scan: &mut Scan) -> io::Result<Option<u64>> {
        let mut length = 0_u64;
        loop {
            let buffer = self.source.fill_buf()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let (taken, ended) = scan.run(buffer);
            length = length.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
            self.source.consume(taken);
            if ended {
                return Ok(Some(length));
            }
        }
    }
}

/// Finds the end of a value.
#[derive(Debug, Default)]
struct Scan {
    depth: u64,
    in_string: bool,
    escaped: bool,
    /// A value that is neither in quotes nor in brackets.
    bare: bool,
}

impl Scan {
    /// How many bytes of `buffer` are the value's, and whether it ends there.
    fn run(&mut self, buffer: &[u8]) -> (usize, bool) {
        for (at, byte) in buffer.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return (at + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' if !self.bare => self.in_string = true,
                b'{' | b'[' if !self.bare => self.depth = self.depth.saturating_add(1),
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                // The bracket of the array itself, or a comma of it.
                b']' | b',' | b' ' | b'\n' | b'\r' | b'\t' if self.depth == 0 => {
                    // Never nothing: what begins with a bracket too many is
                    // one byte that no parser takes.
                    return (at.max(usize::from(!self.bare)), true);
                }
                _ if self.depth == 0 => self.bare = true,
                _ => {}
            }
        }
        (buffer.len(), false)
    }
}

/// A parsed element, and whether its text had to be repaired for that.
pub(super) fn parse(bytes: &[u8]) -> Result<(Value, bool), serde_json::Error> {
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok((value, false)),
        Err(error) => {
            // Half a surrogate pair, and bytes that are no UTF-8.
            let text = String::from_utf8_lossy(bytes);
            let mended = without_lone_surrogates(&text);
            serde_json::from_str(&mended)
                .map(|value| (value, true))
                .map_err(|_| error)
        }
    }
}

/// `\ud83d` alone becomes `\ufffd`.
fn without_lone_surrogates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (escape, after) = match surrogate(from) {
            Some(unit @ 0xd800..=0xdbff) => {
                let second = from.get(6..).unwrap_or_default();
                if matches!(surrogate(second), Some(0xdc00..=0xdfff)) {
                    (from.get(..12).unwrap_or(from), 12)
                } else {
                    let _ = unit;
                    ("\\ufffd", 6)
                }
            }
            Some(0xdc00..=0xdfff) => ("\\ufffd", 6),
            _ => {
                // The escape and what it escapes, which may be many bytes.
                let second = from.chars().nth(1).map_or(0, char::len_utf8);
                (from.get(..=second).unwrap_or(from), 1 + second)
            }
        };
        out.push_str(escape);
        rest = from.get(after..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The unit of `\uXXXX` at the beginning.
fn surrogate(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

/// A field's text; none for what is no text, and for an empty one.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// A field's array.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether a field says yes.
pub(super) fn flag(value: &Value, name: &str) -> bool {
    match value.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number != 0.0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn split(text: &[u8], capacity: usize, limit: usize) -> Vec<Element> {
        let mut elements = Elements::new(BufReader::with_capacity(capacity, text), limit);
        let mut found = Vec::new();
        while let Some(element) = elements.next().expect("memory can be read") {
            found.push(element);
        }
        found
    }

    #[test]
    fn what_is_too_large_is_skipped_and_the_rest_is_read() {
        let text = br#" [{"a":"]}\""}, [1,[2]] ,"x", {"long":"0123456789"},7]"#;
        let found = split(text, 3, 12);
        assert_eq!(
            found,
            [
                Element::Json(br#"{"a":"]}\""}"#.to_vec()),
                Element::Json(b"[1,[2]]".to_vec()),
                Element::Json(br#""x""#.to_vec()),
                Element::TooLarge(21),
                Element::Json(b"7".to_vec()),
            ]
        );
        assert_eq!(split(b"\xef\xbb\xbf[]", 1, 9), []);
        assert_eq!(split(br#"[{"a":1"#, 2, 9), [Element::Truncated]);
        assert_eq!(split(b"[", 2, 9), [Element::Truncated]);
        assert_eq!(split(b"%PDF", 2, 9), []);
    }

    #[test]
    fn half_a_pair_is_mended() {
        let (value, mended) =
            parse(br#"{"a":"\ud83d x \\ud83d \ud83d\ude00 \udc00"}"#).expect("it can be mended");
        assert!(mended);
        assert_eq!(value, json!({"a": "\u{fffd} x \\ud83d 😀 \u{fffd}"}));
        let (value, mended) = parse(b"\"\xff\"").expect("it can be mended");
        assert!(mended);
        assert_eq!(value, json!("\u{fffd}"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_parts_are_the_elements(values in prop::collection::vec(any_json(), 0..8), capacity in 1_usize..40) {
            let text = serde_json::to_vec_pretty(&values).expect("JSON");
            let parts: Vec<Value> = split(&text, capacity, 1 << 20)
                .into_iter()
                .map(|element| match element {
                    Element::Json(bytes) => serde_json::from_slice(&bytes).expect("an element"),
                    other => panic!("{other:?}"),
                })
                .collect();
            prop_assert_eq!(parts, values);
        }

        #[test]
        fn any_bytes_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..400), capacity in 1_usize..40) {
            let mut text = b"[".to_vec();
            text.extend(bytes);
            prop_assert!(split(&text, capacity, 64).len() <= text.len());
            let _ = parse(&text);
        }

        #[test]
        fn mending_never_harms(text in ".*") {
            let json = serde_json::to_string(&text).expect("JSON");
            prop_assert_eq!(without_lone_surrogates(&json), json);
        }
    }
}
