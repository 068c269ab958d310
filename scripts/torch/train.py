#!/usr/bin/env python3
"""Trains the LoRA adapter that a recipe describes, with PyTorch and PEFT.

    train.py RUN [--resume] [--lines]
    torchrun --standalone --nproc-per-node 4 train.py RUN
    torchrun --nnodes 2 --node-rank 0 --master-addr HOST --master-port 29500 --nproc-per-node 8 train.py RUN

RUN is a folder with recipe.json, which `gemfill train --engine torch` and `--export-bundle` write; with many machines, one that all of
them see. The adapter appears in RUN/result. SIGTERM, Ctrl-C or a file RUN/stop end the run with a checkpoint, from which --resume goes
on. --lines prints events as JSON lines.
"""
import argparse
import os
import pathlib
import sys

# Nothing is ever fetched: the base lies in the run's folder.
os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TOKENIZERS_PARALLELISM="false")

import recipe as recipes  # noqa: E402
from parallel import Team  # noqa: E402
from refusal import Refusal  # noqa: E402
from report import Report  # noqa: E402
from trainer import Trainer  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--lines", action="store_true")
    words = parser.parse_args()
    report = team = None
    try:
        recipe = recipes.read(words.run / "recipe.json")
        team = Team(recipe.engine.threads)
        if team.leads:
            report = Report(words.run, words.lines)
        Trainer(recipe, words.run, team, report).run(words.resume)
    except Refusal as refusal:
        if int(os.environ.get("RANK", 0)) == 0:
            print(f"train.py: {refusal}", file=sys.stderr, flush=True)
        return 1
    finally:
        if report:
            report.close()
        if team:
            team.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
