"""`igr pictures`: draws reconstructions, prior samples and latent traversals of finished VAE runs."""

import argparse
from pathlib import Path

from igr_suite.cli.options import add_data_dir, add_verb, config_in, prepare_process, shorten
from igr_suite.errors import UserError
from igr_suite.families.vae.config import TrainVAE
from igr_suite.lab.runs import picture_file
from igr_suite.lab.runs.outputs import staged
from igr_suite.lab.runs.quiet import quiet
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training import checkpoints

EXAMPLES = """  igr pictures results/igr/pictures/quick/*-GS_Dis-*
  igr pictures results/igr/discrete_vae/quick/*        all finished runs of an experiment
Runs with evaluation.pictures=true keep the pictures themselves; for others they are made from the last checkpoint."""


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(
        verbs, "pictures", "draw reconstructions, prior samples and latent traversals of finished VAE runs", EXAMPLES
    )
    parser.add_argument(
        "folders",
        nargs="+",
        type=Path,
        metavar="RUN_FOLDER",
        help="folder of a finished run, which holds its config.json",
    )
    add_data_dir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Makes the pictures that are absent, draws all into the runs' folders and prints the paths of the files."""
    from igr_suite.plotting import pictures

    for folder in arguments.folders:
        if not (folder / picture_file.FILE).exists():
            _make(RunFolder(folder), arguments.data_dir)
        with staged(folder) as staging:
            paths = pictures.draw_run(picture_file.load(folder), staging.path)
        for path in staging.at_their_place(paths):
            print(shorten(path))
    return 0


def _make(folder: RunFolder, data_dir: str | None) -> None:
    config = config_in(folder)
    if not isinstance(config, TrainVAE):
        raise UserError(f"{folder.path} is a {type(config).__name__} run; pictures are made of TrainVAE runs")
    if reason := folder.unfinished(named=False):
        raise UserError(f"{folder.path} {reason}; pictures are made of finished runs")
    if not checkpoints.paths(folder.checkpoints):
        raise UserError(
            f"{folder.path} has neither {picture_file.FILE} nor a checkpoint (results are often copied without them); "
            "run it again with --set evaluation.pictures=true"
        )
    config.check_inputs(data_dir)
    prepare_process(data_dir)
    with quiet():
        from igr_suite.families.vae.pictures import pictures
        from igr_suite.families.vae.posterior_distance import trained_model
        from igr_suite.training.executor import flat, load_images
    model = trained_model(config, folder.path)
    picture_file.save(folder.path, pictures(model, flat(load_images(config).test), config.seed))
