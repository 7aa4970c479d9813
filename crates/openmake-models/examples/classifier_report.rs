//! Writes `docs/classifier.md`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a development command that stops when its data is wrong"
)]

#[expect(unreachable_pub, reason = "shared with a test")]
#[path = "../tests/classifier/report.rs"]
mod report;

fn main() -> std::io::Result<()> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/classifier.md");
    std::fs::write(page, report::report())
}
