//! Compiles the CUDA kernels, with feature `cuda` alone.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "cuda")]
    kernels();
}

/// The kernels as PTX, which the driver makes into code for its GPU.
#[cfg(feature = "cuda")]
fn kernels() {
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it"));
    let kernels = cudaforge::KernelBuilder::new()
        .source_dir("src/gpu/cuda")
        .watch(["src/gpu/cuda/common.cuh"])
        .args(["-std=c++17", "-O3"])
        .build_ptx()
        .and_then(|ptx| ptx.write(out.join("ptx.rs")));
    kernels.expect("the CUDA toolkit compiles the kernels");
}
