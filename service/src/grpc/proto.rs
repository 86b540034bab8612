//! Messages, servers and clients as they are made from `proto/` when the registry is built. Not ours to style.

#![allow(clippy::all, clippy::unwrap_used, missing_docs, unused_qualifications, rustdoc::all)]

include!(concat!(env!("OUT_DIR"), "/proto.rs"));
