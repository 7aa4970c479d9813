//! Builds again when a migration is added: the macro that embeds them only
//! watches those that it has seen.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
