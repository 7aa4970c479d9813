//! Embeds the web app anew when it was built anew.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A debug build reads the files at run time. A path that is not there yet
    // counts as changed, so the first export is noticed too.
    if std::env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../../web/out/csp-manifest.json");
    }
}
