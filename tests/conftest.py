"""One thread a test process, so that suites run side by side and sums come in one order; helpers stand beside."""

import signal

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("dlnet", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("dlnet")

# What a shell starts in the background ignores Ctrl-C, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
