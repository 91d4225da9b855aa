"""Runs of the reproductions with synthetic gradients at their three scales (never imports TensorFlow)."""

from collections.abc import Sequence

from igr_suite.families.dni.config import TrainDNI
from igr_suite.families.dni.copy_rnn_config import CopyRNNConfig, CopyTaskConfig, TrainCopyRNN
from igr_suite.families.dni.presets import METHOD_BY_LABEL, PAPER_DROPS, PAPER_RATE, PAPER_STEPS, named, paper_network
from igr_suite.lab.runs.config import replace_parts

SEEDS = {"smoke": (0,), "quick": (0, 1, 2), "paper": (0, 1, 2)}
LIMIT = {"smoke": 500, "quick": None, "paper": None}
# The paper's rate is for 500,000 steps ("not tuned"); runs of a few thousand have a usual rate of Adam.
RATE = {"smoke": 1e-3, "quick": 3e-4, "paper": PAPER_RATE}
DROPS = {"smoke": (), "quick": (), "paper": PAPER_DROPS}
STEPS = {"smoke": 4, "quick": 585, "paper": PAPER_STEPS}  # quick: 3 epochs of 50,000 images
LONG_STEPS = {"quick": 5850}  # 30 epochs of cDNI, a few milliseconds a step, at the least and the greatest depth
SPARSE_STEPS = {"smoke": 4, "quick": 780, "paper": PAPER_STEPS}  # of cDNI and Bprop; DNI has SHORT_STEPS
SHORT_STEPS = {"smoke": 4, "quick": 390, "paper": PAPER_STEPS}
EVALUATE = {"smoke": 1, "quick": 1, "paper": 25}
PROBABILITIES = {"smoke": (0.5,), "quick": (0.05, 0.1, 0.2, 0.5, 1.0), "paper": (0.05, 0.1, 0.2, 0.5, 1.0)}
WINDOWS = {"smoke": (3,), "quick": (2, 3, 4, 5), "paper": (2, 3, 4, 5, 8, 20, 40)}
WINDOW_COUNT = {"smoke": 400, "quick": 12_000, "paper": 1_000_000}


def common(scale: str, data: str, seed: int, steps: int) -> dict[str, object]:
    """Options that all runs of the paper's networks share at a scale."""
    options = {
        "learning_rate": RATE[scale],
        "drops": DROPS[scale],
        "evaluate_every": EVALUATE[scale],
        "limit": LIMIT[scale],
    }
    return {"data": data, "seed": seed, "steps": steps, **options}


def table_runs(scale: str, datasets: Sequence[str]) -> list[TrainDNI]:
    """Table 1: fully connected networks of 3 to 6 layers, convolutional ones of 3 and 4, each by four methods."""
    depths, filters, layers = {
        "smoke": ((3,), 2, (3,)),
        "quick": ((3, 4, 5, 6), 16, (3,)),
        "paper": ((3, 4, 5, 6), 64, (3, 4)),
    }[scale]
    convolutional = {"smoke": ("cDNI",), "quick": tuple(METHOD_BY_LABEL), "paper": tuple(METHOD_BY_LABEL)}[scale]
    runs = []
    for data in datasets:
        for seed in SEEDS[scale]:
            shared = common(scale, data, seed, STEPS[scale])
            runs += [paper_network(depth, method, **shared) for depth in depths for method in METHOD_BY_LABEL]
            if scale in LONG_STEPS:
                long = common(scale, data, seed, LONG_STEPS[scale])
                runs += [paper_network(depth, "cDNI", **long) for depth in (depths[0], depths[-1])]
            short = shared | {"steps": 195} if scale == "quick" else shared
            wide = 2 * filters if data.startswith("cifar") and scale == "paper" else filters
            runs += [
                paper_network(depth, method, filters=wide, **short) for depth in layers for method in convolutional
            ]
    return runs


def curve_runs(scale: str, datasets: Sequence[str]) -> list[TrainDNI]:
    """The runs of the curves beside Table 1: those of its fully connected networks, without "no Bprop" and the longer
    runs."""
    return [
        run
        for run in table_runs(scale, datasets)
        if run.model.network == "fcn" and run.model.method != "no_bp" and run.schedule.steps == STEPS[scale]
    ]


def sparse_runs(scale: str, datasets: Sequence[str]) -> list[TrainDNI]:
    """4 layers with updates left out: cDNI at every probability of an update, DNI at some, and back-propagation."""
    runs = []
    for data in datasets:
        for seed in SEEDS[scale]:
            long, short = (common(scale, data, seed, steps[scale]) for steps in (SPARSE_STEPS, SHORT_STEPS))
            runs += [paper_network(4, "cDNI", p_update=p, **long) for p in PROBABILITIES[scale]]
            some = (0.05, 0.2, 1.0) if scale == "quick" else PROBABILITIES[scale]
            runs += [paper_network(4, "DNI", p_update=p, **short) for p in some]
            runs.append(paper_network(4, "Bprop", **long))
    return runs


def unlocked_runs(scale: str, datasets: Sequence[str]) -> list[TrainDNI]:
    """4 layers with synthetic inputs too, with updates left out."""
    arms = {
        "smoke": (("cDNI", 0.5),),
        "quick": (("cDNI", 0.2), ("cDNI", 1.0), ("DNI", 1.0)),
        "paper": tuple((method, p) for method in ("DNI", "cDNI") for p in PROBABILITIES["paper"]),
    }[scale]
    runs = []
    for data in datasets:
        for seed in SEEDS[scale]:
            shared = common(scale, data, seed, SHORT_STEPS[scale])
            runs += [paper_network(4, method, p_update=p, unlocked=True, **shared) for method, p in arms]
            runs.append(paper_network(4, "Bprop", **shared))
    return runs


def baseline_runs(scale: str, datasets: Sequence[str]) -> list[TrainDNI]:
    """The Torch repository's back-propagated baselines, for the numbers of epochs that its README reports."""
    epochs = {"B-simple": 46, "B-relu": 21} if scale != "smoke" else {"B-simple": 2, "B-relu": 2}
    return [
        named(
            name, data=data, seed=seed, epochs=count, limit=LIMIT[scale], evaluate_every=2 if name == "B-simple" else 1
        )
        for data in datasets
        for seed in SEEDS[scale]
        for name, count in epochs.items()
    ]


def torch_dni_runs(scale: str, datasets: Sequence[str]) -> list[TrainDNI]:
    """The Torch repository's decoupled networks, with gradients of the batch mean, as there, and of examples; one quick
    B-dni run has the full length."""
    lengths = {  # (configuration, unit of M's predictions) -> epochs of each seed
        "smoke": {("B-cdni", "batch"): (2,), ("B-dni", "example"): (2,)},
        "quick": {
            ("B-cdni", "batch"): (80, 80, 80),
            ("B-cdni", "example"): (30, 30, 30),
            ("B-dni", "batch"): (249, 10, 10),
            ("B-dni", "example"): (10,),
        },
        "paper": {
            (name, scale): (epochs,) * 3
            for name, epochs in (("B-cdni", 80), ("B-dni", 249))
            for scale in ("batch", "example")
        },
    }[scale]
    return [
        named(name, data=data, seed=seed, epochs=epochs, sg_scale=kind, limit=LIMIT[scale])
        for data in datasets
        for (name, kind), counts in lengths.items()
        for seed, epochs in enumerate(counts)
    ]


def theano_runs(scale: str, datasets: Sequence[str]) -> list[TrainDNI]:
    """The Theano repository's classifier with synthetic gradients and without, as its code has it, and on x / 255
    without the penalty."""
    lengths = {  # epochs of each seed
        "smoke": {"A-dni": (2,), "A-bp": (2,)},
        "quick": {"A-dni": (60, 20, 20), "A-bp": (20, 20, 20)},
        "paper": {"A-dni": (1000,) * 3, "A-bp": (1000,) * 3},
    }[scale]
    well_scaled = {"smoke": (), "quick": (20, 20, 20), "paper": (1000,) * 3}[scale]
    every = {"evaluate_every": 10 if scale == "paper" else 1, "limit": LIMIT[scale]}
    runs = []
    for data in datasets:
        runs += [
            named(name, data=data, seed=seed, epochs=epochs, **every)
            for name, counts in lengths.items()
            for seed, epochs in enumerate(counts)
        ]
        runs += [
            replace_parts(
                named(name, data=data, seed=seed, epochs=epochs, **every),
                data={"scaling": "unit"},
                decoupling={"l2": 0.0},
            )
            for name in ("A-dni", "A-bp")
            for seed, epochs in enumerate(well_scaled)
        ]
    return runs


def copy_runs(scale: str) -> list[TrainCopyRNN]:
    """The copy task in windows of T steps, with synthetic gradients across them and without."""
    return [
        TrainCopyRNN(
            model=CopyRNNConfig(method=method, window=window, units=256 if scale == "paper" else 64),
            task=CopyTaskConfig(),
            windows=WINDOW_COUNT[scale],
            seed=seed,
        )
        for seed in SEEDS[scale]
        for window in WINDOWS[scale]
        for method in ("bptt", "dni")
    ]
