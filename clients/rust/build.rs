//! Makes the stubs from `descriptors.binpb`, which holds what `protoc` would read out of the protos: so nobody needs
//! protoc.

use prost::Message;
use prost_types::FileDescriptorSet;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=descriptors.binpb");
    let descriptors = FileDescriptorSet::decode(std::fs::read("descriptors.binpb")?.as_slice())?;
    tonic_prost_build::configure().build_server(false).include_file("protos.rs").compile_fds(descriptors)?;
    Ok(())
}
