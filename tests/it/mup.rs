//! Maximal update parametrisation against PyTorch with the table's rates, and at its base width.

use std::sync::Arc;

use initlab::activation::Activation;
use initlab::config::Experiment;
use initlab::data::{Choice, Prepared, Request, Split, load};
use initlab::model::cpu::CpuModel;
use initlab::model::mup::set_rates;
use initlab::model::objective::{Loss, Targets};
use initlab::model::observe::Observe;
use initlab::model::{Activations, LayerSpec, Network, Role, Shape};
use initlab::optim::UpdateNorms;
use initlab::train::optimizer_state::CpuState;
use initlab::train::{Plan, train_unrecorded};

fn digits() -> Prepared {
    Prepared::new(load(&Request::new(Choice::Digits)).unwrap().dataset, Split::Usual).unwrap()
}

fn experiment(model: &str, init: &str, optimizer: &str) -> Experiment {
    let text = format!(
        "model = {{ {model} }}\ninit = {{ {init} }}\noptimizer = {{ {optimizer} }}\ntrain = {{ steps = 3, batch_size = 128 }}"
    );
    Experiment::parse("width", &text, &[]).unwrap()
}

const ROWS: usize = 20;

#[test]
fn steps_under_mup_are_those_of_torch_with_the_rates_of_the_table() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("../reference/mup.json")).unwrap();
    for kind in ["sgd", "adam"] {
        let config = experiment(
            "kind = 'mlp', widths = [12, 8], activation = 'tanh'",
            "parametrisation = 'mup', base_width = 6",
            &format!("kind = '{kind}', lr = 0.05"),
        );
        let [linear, tanh] = [|out| LayerSpec::Linear { out, bias: true }, |_| LayerSpec::Activation(Activation::Tanh)];
        let layers = [linear(12), tanh(0), linear(8), tanh(0), linear(4)];
        let mut network = Network::build(Shape::Flat(6), &layers, Activations::Fused).unwrap();
        set_rates(&mut network, &config.init, &config.model, &config.optimizer.rule);
        let network = Arc::new(network);
        let mut model = CpuModel::new(Arc::clone(&network), 1);
        for (j, param) in network.params.iter().enumerate() {
            let value = |k: usize| match param.role {
                Role::Weight => 1.5 / (param.fan_in as f64).sqrt() * (1.7 * k as f64 + j as f64).sin(),
                Role::Bias | Role::NormWeight | Role::NormBias | Role::Scalar(_) => 0.1 * ((k + j) as f64).cos(),
            };
            model.set_param(j, &(0..param.len()).map(|k| value(k) as f32).collect::<Vec<_>>());
        }
        let samples: Vec<f32> = (0..ROWS * 6).map(|i| (0.37 * (i * i) as f64 + 0.5 * i as f64).sin() as f32).collect();
        let labels: Vec<u8> = (0..ROWS).map(|i| ((3 * i + i / 4) % 4) as u8).collect();
        let mut state = CpuState::new(&config.optimizer.rule, network.parameters());
        for _ in 0..5 {
            let fill = |rows: std::ops::Range<usize>, out: &mut [f32]| {
                out.copy_from_slice(&samples[rows.start * 6..rows.end * 6])
            };
            model.forward_backward(ROWS, fill, Targets::Labels(&labels), Loss::CrossEntropy, &Observe::default());
            let mut norms = vec![UpdateNorms::default(); network.params.len()];
            state.step(&config.optimizer.rule, &mut model, 0.05, false, &mut norms);
        }
        for (j, param) in network.params.iter().enumerate() {
            let torch: Vec<f64> = serde_json::from_value(golden[kind][&param.key].clone()).unwrap();
            for (found, torch) in model.param(j).iter().zip(torch) {
                assert!((f64::from(*found) - torch).abs() < 2e-5, "{kind}, {}: {found}, {torch} by torch", param.name);
            }
        }
    }
}

#[test]
fn at_its_base_width_mup_is_the_standard_parametrisation() {
    let model = "kind = 'mlp', widths = [24, 12]";
    let ends = ["", "parametrisation = 'mup', base_width = 24"].map(|init| {
        let plan = Plan::new(experiment(model, init, "lr = 0.1"), digits()).unwrap();
        let rows = train_unrecorded(&plan, 1, |_| {}).unwrap();
        (plan.start, rows)
    });
    assert_eq!(ends[0], ends[1]);
}
