"""Two stacks that train for hours, for a test to stop: python endless_sweep.py FOLDER."""

import sys
from pathlib import Path

from synthetic_dataset import small_net, synthetic_training_data

from dlnet.train.job import Job
from dlnet.train.plan import TrainPlan
from dlnet.train.pool import Stack, run_stacks


def main(folder):
    config = small_net()
    stacks = [Stack(config, (Job(str(i), i),), folder / f"state-{i}") for i in range(2)]
    run_stacks(
        stacks, [synthetic_training_data(config)], TrainPlan(steps=10**7, batch=8, check=50, patience=10**6), "endless"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
