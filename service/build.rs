//! Compiles the messages and services of `proto/` (contract keys-devices §8), with no program but cargo.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let chat = ["keys", "device", "account", "credentials"].map(|file| format!("org/signal/chat/{file}.proto"));
    let files = chat.iter().map(String::as_str).chain(["google/rpc/status.proto"]);
    let compiled = protox::compile(files, ["proto"])?;
    // The client is for tests: it needs no transport and is compiled in a moment.
    tonic_prost_build::configure()
        .build_transport(false)
        .generate_default_stubs(true)
        .emit_rerun_if_changed(false)
        .include_file("proto.rs")
        .compile_fds(compiled)?;
    Ok(())
}
