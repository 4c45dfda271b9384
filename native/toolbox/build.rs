//! Leaves the symbol table out of the optimised binary, which is embedded in `glassbox`: a fifth of its size.
fn main() {
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo:rustc-link-arg-bins=-s");
    }
}
