"""One thread a test process, so that suites run side by side and sums come in one order; helpers stand beside."""

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("dlnet", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("dlnet")
