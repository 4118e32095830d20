"""Synthetic charges: an earlier fast step, a rise at constant current, then a decay at constant voltage."""

import numpy as np
from hypothesis import strategies as st


def charge(seed, step=5.0, rise_s=600.0, tau=150.0, bend=4.0, noise=0.0, two_steps=False, jitter=0.0):
    """Times (s), voltages (V), currents (A) of one charge, sampled about each ``step`` s."""
    rng = np.random.default_rng(seed)
    time = np.arange(0.0, rise_s + 6 * tau, step)
    time = time + rng.uniform(-jitter, jitter, len(time)) * step
    voltage = np.minimum(3.3 + 0.3 * (time / rise_s).clip(0, 1) ** bend, 3.6)
    current = np.where(time < rise_s, 1.1, 1.1 * np.exp(-(time - rise_s).clip(0) / tau))
    if two_steps:
        early = time < rise_s / 3
        voltage = np.where(early, 3.3 + 0.25 * time / rise_s * 3, voltage)
        current = np.where(early, 4.0, current)
    voltage = voltage + noise * rng.standard_normal(len(time)) * (time < rise_s)
    return time, voltage, current


CURVES = st.builds(
    charge,
    seed=st.integers(0, 2**16),
    step=st.floats(0.2, 10),
    rise_s=st.floats(200, 3000),
    tau=st.floats(80, 900),
    bend=st.floats(1, 6),
    noise=st.floats(0, 3e-3),
    two_steps=st.booleans(),
    jitter=st.floats(0, 0.4),
)
