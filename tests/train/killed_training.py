"""A long training that saves its state, for a test to kill: python killed_training.py STATE."""

import sys
from pathlib import Path

import torch
from synthetic_dataset import small_net, synthetic_training_data

from dlnet.train.job import Job
from dlnet.train.loop import train
from dlnet.train.plan import TrainPlan

JOBS = (Job("a", 0), Job("b", 1, "hint", 0.4), Job("c", 2, "l1", 0.5))
PLAN = TrainPlan(steps=400, batch=16, check=5, patience=20, noise=0.1)


def run(state):
    config = small_net()
    return train(config, JOBS, [synthetic_training_data(config, labelled=30)], PLAN, resume=state)


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(Path(sys.argv[1]))
