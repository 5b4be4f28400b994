"""Trackers, --report_to: each direction is a run of its own there, the runs of a pair a group."""

import importlib
import os
from pathlib import Path

from transformers import TrainingArguments

PROJECT = "arrow-of-time"
PROJECT_VARIABLES = ("WANDB_PROJECT", "MLFLOW_EXPERIMENT_NAME", "COMET_PROJECT_NAME", "SWANLAB_PROJECT")
ENDED_BY = {"wandb": "finish", "comet_ml": "end"}  # the others end a run when training does


def check_trackers(report_to: list[str]) -> None:
    """ValueError for a tracker that is not there, before anything is trained."""
    if not report_to:
        return
    from transformers.integrations import integration_utils  # takes a second

    known, here = integration_utils.INTEGRATION_TO_CALLBACK, integration_utils.get_available_reporting_integrations()
    for name in report_to:
        if name not in known:
            raise ValueError(f"--report_to {name}: must be none, all, or of {', '.join(sorted(known))}")
        if name not in here:
            raise ValueError(f"--report_to {name}: is not installed here")


def name_run(args: TrainingArguments, folder: Path) -> None:
    """Name what a tracker makes of a run folder, PAIR-DIRECTION, where PAIR is --run_name or the folder's."""
    pair = args.run_name or folder.parent.name
    args.run_name = f"{pair}-{folder.name}"
    for variable in PROJECT_VARIABLES:
        os.environ.setdefault(variable, PROJECT)
    if "wandb" in args.report_to and args.process_index == 0:
        import wandb

        group = os.environ.get("WANDB_RUN_GROUP", pair)  # which the Trainer, in whose place this is, does not set
        wandb.init(project=os.environ["WANDB_PROJECT"], name=args.run_name, group=group)


def end_runs(report_to: list[str]) -> None:
    """Have the next direction begin runs of its own, where a tracker would add it to this one."""
    for name in ENDED_BY.keys() & {*report_to}:
        getattr(importlib.import_module(name), ENDED_BY[name])()
