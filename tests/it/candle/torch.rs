//! PyTorch takes a VarMap that candle saved, by name. Runs where `INITLAB_TORCH` names a Python with torch and safetensors.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarMap;
use initlab::{Activation, Preset, Start, Watch};

use super::twins::Cnn;

const SCRIPT: &str = r#"
import sys, torch
from safetensors.torch import load_file
from torch import nn

class Twin(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [(1, 8, 5), (8, 16, 3), (16, 32, 3), (32, 32, 3)]
        for i, (inputs, outputs, kernel) in enumerate(sizes):
            setattr(self, f"conv{i + 1}", nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2))
        self.linear1 = nn.Linear(32, 10)

    def forward(self, x):
        for i in range(4):
            x = torch.relu(getattr(self, f"conv{i + 1}")(x))
        return self.linear1(x.mean((2, 3)))

twin = Twin()
twin.load_state_dict(load_file(sys.argv[1]), strict=True)
images = torch.arange(5 * 784, dtype=torch.float32).mul(0.01).sin().reshape(5, 1, 28, 28)
print(" ".join(repr(x) for x in twin(images).flatten().tolist()))
"#;

#[test]
fn pytorch_loads_the_saved_varmap_of_a_twin_by_name() {
    let Some(python) = std::env::var_os("INITLAB_TORCH") else {
        eprintln!("skipped: INITLAB_TORCH names no Python with torch and safetensors");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model.safetensors");
    let varmap = VarMap::new();
    let start = Start::preset(Preset::Torch).seed(9);
    let net = Cnn::new(&start.var_builder(&varmap, DType::F32, &Device::Cpu)).unwrap();
    varmap.save(&file).unwrap();
    let output = std::process::Command::new(python).args(["-c", SCRIPT]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Vec<f32> =
        String::from_utf8(output.stdout).unwrap().split_whitespace().map(|x| x.parse().unwrap()).collect();
    let pixels: Vec<f32> = (0..5 * 784).map(|i| (i as f32 * 0.01).sin()).collect();
    let images = Tensor::from_vec(pixels, (5, 784), &Device::Cpu).unwrap();
    let logits = net.watched(&Watch::new().every(0), &images, Activation::Relu).unwrap();
    let ours = logits.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(ours.len(), theirs.len());
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 1e-5, "{ours:?}\n{theirs:?}");
    }
}
