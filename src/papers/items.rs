//! The table of papers that are replayed.

use crate::papers::outcome::Outcome;
use crate::papers::setting::Setting;
use crate::papers::{deep_linear, dying_relu, edge_of_stability, exact_norm, lsuv_fitnet, trainability, width};
use crate::train::TrainError;

/// A published result that is replayed.
pub struct Item {
    /// As after `--only`.
    pub name: &'static str,
    /// Who printed it.
    pub paper: &'static str,
    /// The result in a sentence.
    pub result: &'static str,
    /// How it is measured here.
    pub how: &'static str,
    /// Where this protocol differs from the paper's; empty if it does not.
    pub differs: &'static str,
    /// Seeds, if not said otherwise.
    pub seeds: usize,
    /// True if it takes seconds; others wait for `--train`.
    pub quick: bool,
    /// True if it looks at MNIST.
    pub images: bool,
    /// Words to have beside the numbers, and why some are outside; empty if there is nothing.
    pub note: &'static str,
    /// Parts of the work for so many seeds.
    pub parts: fn(usize) -> usize,
    /// Carries it out on the threads of the current rayon pool; the result does not depend on their number.
    pub replay: fn(&Setting<'_>) -> Result<Outcome, TrainError>,
}

impl Item {
    /// The item called `name`.
    pub fn of(name: &str) -> Option<&'static Self> {
        ITEMS.iter().find(|item| item.name == name)
    }
}

/// Every item, in the order of the report.
pub const ITEMS: [Item; 8] = [
    Item {
        name: "dying-relu",
        paper: "Lu, Shin, Su & Karniadakis 2020, Dying ReLU and initialization",
        result: "A narrow deep ReLU network is born dead with a probability that symmetric weights fix; randomised asymmetric ones \
                 lower it.",
        how: "Networks of 9 hidden layers without biases and with Kaiming-normal weights, one input: the share whose last hidden \
              layer is all 0 beside 1 - (1 - 2^-N)^9, and the share from the paper's asymmetric start (RAI).",
        differs: "The paper's closed form is a lower bound where a network is to be dead on a whole region of inputs; for one input \
                  it is exact, and so it is measured here.",
        seeds: 10_000,
        quick: true,
        images: false,
        note: "",
        parts: dying_relu::parts,
        replay: dying_relu::at_the_start,
    },
    Item {
        name: "exact-norm",
        paper: "Hanin & Nica 2018, Products of many large random matrices; Burkholz & Dubatovka 2019, Initialization of ReLUs for \
                dynamical isometry",
        result: "Without biases the squared length of one input is multiplied in each ReLU layer by an independent (sigma_w^2/n) \
                 chi^2_B, B ~ Bin(n, 1/2); for great depth and width its logarithm is normal.",
        how: "Kaiming-normal networks of this crate: Kolmogorov's test of the lengths behind the last hidden layer against the exact \
              law and against the normal one, the share of networks inside both 99.9 % bands, and the spread of p-values over 100 \
              repetitions.",
        differs: "",
        seeds: 10_000,
        quick: true,
        images: false,
        note: "",
        parts: exact_norm::parts,
        replay: exact_norm::replay,
    },
    Item {
        name: "dying-relu-training",
        paper: "Lu, Shin, Su & Karniadakis 2020, Dying ReLU and initialization",
        result: "What is born dead stays dead: training does not bring it back, and the asymmetric start leaves fewer such runs.",
        how: "MNIST, 10 hidden layers of 3 units with biases, Adam 0.003, batches of 128, 500 steps: runs whose accuracy on the test \
              images stays below 15 %.",
        differs: "The paper fits functions of one and two variables; what it prints is of those and is not replayed.",
        seeds: 100,
        quick: false,
        images: true,
        note: "",
        parts: dying_relu::training_parts,
        replay: dying_relu::in_training,
    },
    Item {
        name: "trainability",
        paper: "Schoenholz, Gilmer, Ganguli & Sohl-Dickstein 2017, Deep information propagation, by a public replication of its grid",
        result: "Networks train as deep as correlations reach, a few times the depth scale xi_c.",
        how: "tanh MLPs of 300 units on MNIST, depth counted in linear layers, weight variance sigma_w^2/fan_out, bias variance 0.05, \
              pixels in [-1/2, 1/2], plain SGD with rate 0.001, batches of 256, 201 updates: accuracy on training images, one seed a \
              point, beside the replication's at the same point.",
        differs: "Accuracy is taken on 10,000 of the 60,000 training images (its standard error is at most 0.5 %); 121 of the 8,190 \
                  points are replayed, more of them shallow than deep.",
        seeds: 1,
        quick: false,
        images: true,
        note: "",
        parts: trainability::parts,
        replay: trainability::replay,
    },
    Item {
        name: "deep-linear",
        paper: "Saxe, McClelland & Ganguli 2014, Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
        result: "From orthogonal weights a deep linear network learns in a time that does not grow with depth; from Gaussian ones of \
                 the same scale it does.",
        how: "Linear MLPs of 64 units without biases on MNIST, squared error, SGD in batches of 128: steps to 70 % test accuracy at \
              the best of six learning rates, for 4 to 64 hidden layers.",
        differs: "The paper prints curves, not numbers; its networks are wider and its steps larger. What is checked is the claim.",
        seeds: 5,
        quick: false,
        images: true,
        note: "",
        parts: deep_linear::parts,
        replay: deep_linear::replay,
    },
    Item {
        name: "lsuv-fitnet",
        paper: "Mishkin & Matas 2016, All you need is a good init",
        result: "A thin deep net starts learning at once from orthonormal weights of unit output variance: on MNIST 98.71 % after \
                 1,500 iterations and 99.01 % after 3,500.",
        how: "Their FitNet for MNIST (16, 16, pool, 16, 16, pool, 12, 12, pool, 10; 3x3 windows), LSUV on one batch, hinge loss, \
              RMSProp 0.002 with decay 0.99 and weight decay 0.0005, batches of 64, dropout 0.3 before the output, pixels times 0.004.",
        differs: "Their units are the maximum of two convolutions (maxout), ours ReLUs with half the weights; their hinge is one \
                  against the rest, ours that of Weston & Watkins; the log that they publish is one run, on which the printed numbers \
                  are single evaluations. Their best, 99.61 % within 50,000 iterations, is not replayed.",
        seeds: 5,
        quick: false,
        images: true,
        note: "All five runs lie below the printed accuracies, by 0.8 and 0.6 points at the median; inside is only the range in which \
               a sixth would fall. Maxout's twice as many weights may be the reason; it was not tried.",
        parts: lsuv_fitnet::parts,
        replay: lsuv_fitnet::replay,
    },
    Item {
        name: "edge-of-stability",
        paper: "Cohen, Kaur, Li, Kolter & Talwalkar 2021, Gradient descent on neural networks typically occurs at the edge of stability",
        result: "Full-batch gradient descent makes the largest eigenvalue lambda_1 of the loss's Hessian rise to 2/rate, where it stays, \
                 while the loss goes on falling, though no longer at every step.",
        how: "The first 5,000 training images of MNIST in every step, pixels in [0, 1], tanh MLPs of 200 and 200 units from PyTorch's \
              default start, squared error, SGD without momentum at three rates: lambda_1 on the same images every 50 steps, in units of \
              2/rate.",
        differs: "The paper's images are 5,000 of CIFAR-10, normalised; its squared error is half the sum over the ten outputs, here it \
                  is their mean, which makes lambda_1 a fifth and the rate of the same steps five times as large. The paper prints \
                  curves, not numbers.",
        seeds: 1,
        quick: false,
        images: true,
        note: "As in the paper, lambda_1 stays just above 2/rate, and further at larger rates: by 5 % at rate 0.4 and by 7 % at 0.5, \
               which were tried beside these (at even and at odd steps alike; a second implementation, in NumPy, finds the same at \
               0.5). Before it is pulled back an oscillation has to grow, and meanwhile it rises on, by more a step the larger the rate.",
        parts: edge_of_stability::parts,
        replay: edge_of_stability::replay,
    },
    Item {
        name: "width",
        paper: "Yang, Hu, Babuschkin, Sidor, Liu, Farhi, Ryder, Pachocki, Chen & Gao 2021, Tensor Programs V",
        result: "In maximal update parametrisation (muP) every layer's change keeps its size whatever the width, and so the best \
                 learning rate stays; in standard parametrisation neither does.",
        how: "ReLU MLPs of 3 hidden layers on MNIST, batches of 64. Coordinate check: exponents of the width of every layer's change, \
              from 256 to 2048 units, in muP (base width 16, the output at 0) after 5 steps, in standard parametrisation after the first, beside \
              theory's. Transfer: the middle of the rates of Adam whose loss on 2,000 training images after \
              100 steps is within 10 % of the least, of ten powers of 2, at 64, 256 and 1024 units (base width 64).",
        differs: "The paper's MLPs see CIFAR-10 and train for 20 epochs; here the images are means of 7x7 pixels, 16 in all, so that \
                  the widths are far above the inputs. It prints curves, not numbers; what is checked is the claim.",
        seeds: 8,
        quick: false,
        images: true,
        note: "In standard parametrisation Adam's best rate moves down by some three factors of 2, as claimed; outside is the range in which a \
               ninth seed falls, because single seeds place the middle of so flat a valley too loosely. Where muP's output starts at 0 in the transfer, too, \
               the least loss lies at 2^-7 at every width as well, but single seeds scatter more (0.22 factors, -0.79 ... 1.30).",
        parts: width::parts,
        replay: width::replay,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_found() {
        for (i, item) in ITEMS.iter().enumerate() {
            assert_eq!(Item::of(item.name).map(|found| found.name), Some(item.name));
            assert!(ITEMS[i + 1..].iter().all(|other| other.name != item.name), "{}", item.name);
        }
        assert!(Item::of("no such paper").is_none());
    }
}
