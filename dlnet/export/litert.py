"""The spec as two LiteRT files: a step graph and a head graph, int16 activations and int8 weights.

The caller loops the step graph over the window, then runs the head once (see ``runtime``). Looping in the caller
keeps the files small, and the read-out stays outside because TFLite Micro has no int16 kernel for softplus or
cumsum.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlnet.export import fixed
from dlnet.export.calibration import Matrix, Samples, check_windows, head_matrix, head_samples, step_samples
from dlnet.export.layout import Spec
from dlnet.export.reference import Int16s

INT8_MAX = 127  # the converter's largest weight
NOTHING = 2.0**-20  # of a unit: rounding of floats


@dataclass(frozen=True)
class EdgeFiles:
    """The two flatbuffers. ``step``: (x (1, C), h (1, n)) -> h of the next sub-step; ``head``: (h, s, x) -> logits."""

    step: bytes
    head: bytes


def convert(spec: Spec, windows: Int16s) -> EdgeFiles:
    """Convert with TensorFlow, calibrated on quantised training windows ``windows`` (N, T, C).

    At most 200 windows, evenly spaced, are used, and the limits of the formats (see docs/quantisation.md).
    The same spec and windows give the same bytes.

    Raises:
        DataError: there is no window, or windows of another shape.
    """
    check_windows(spec, windows)
    tf = _tensorflow()
    with _quiet():
        step = _convert(tf, _step_graph(tf, spec), step_samples(spec, windows))
        head = _convert(tf, _head_graph(tf, spec), head_samples(spec, windows))
    return EdgeFiles(step, head)


def _step_graph(tf: Any, spec: Spec) -> Callable[..., Any]:
    """h + (gate · (a - h) - rate · h) / K over the floats of the spec's integers."""
    inner = None if spec.inner is None else _layer(tf, spec.inner.dequantised())
    outer = _layer(tf, spec.step.dequantised())
    rate = _constant(tf, np.ldexp(spec.rate.astype(np.float64), -fixed.STATE_BITS))
    reversal = None if spec.reversal is None else np.ldexp(spec.reversal.astype(np.float64), -fixed.STATE_BITS)

    def step(x: Any, h: Any) -> Any:
        seen = tf.concat([x, h], axis=1)
        code = outer(seen if inner is None else inner(seen))
        if reversal is None:
            gate, candidate = tf.split(code, 2, axis=1)
            target = tf.tanh(candidate)
        else:
            gate, target = code, _constant(tf, reversal)
        change = tf.sigmoid(gate) * (target - h) - rate * h
        return h + (change if spec.substeps == 1 else change * _constant(tf, np.array(1 / spec.substeps)))

    return step


def _head_graph(tf: Any, spec: Spec) -> Callable[..., Any]:
    """Logits of all branches, then those of the gate, from the inputs of ``head_samples``."""
    layer = _layer(tf, head_matrix(spec))

    def head(*parts: Any) -> Any:
        return layer(tf.concat(parts, axis=1) if len(parts) > 1 else parts[0])

    return head


def _layer(tf: Any, matrix: Matrix) -> Callable[[Any], Any]:
    """The rows of a matrix, as a coarse product and a fine one.

    CMSIS-NN's fully connected kernels of int16 take one scale for all rows, in which rows of small weights lose their
    last bits: these are the weights of a second product, with a scale of its own.
    """
    rows, bias = matrix[0], _constant(tf, matrix[1])
    unit = float(np.abs(rows).max()) / INT8_MAX
    coarse = np.rint(rows / unit) * unit if unit else rows
    left = rows - coarse
    first = _constant(tf, coarse.T)
    if np.abs(left).max() <= unit * NOTHING:
        return lambda seen: tf.matmul(seen, first) + bias
    second = _constant(tf, left.T)
    # The bias stands with the coarse product: with the fine one's small scale it would not fit its integers.
    return lambda seen: (tf.matmul(seen, first) + bias) + tf.matmul(seen, second)


def _constant(tf: Any, values: fixed.Floats) -> Any:
    return tf.constant(values.astype(np.float32))


def _convert(tf: Any, graph: Callable[..., Any], samples: Samples) -> bytes:
    signature = [tf.TensorSpec(value.shape, tf.float32, name) for name, value in samples[0].items()]
    module = tf.Module()
    module.run = tf.function(graph, input_signature=signature, autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.run.get_concrete_function()], module)
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter(samples)
    int16 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    converter.target_spec.supported_ops = [int16]
    converter.inference_input_type = converter.inference_output_type = tf.int16
    return bytes(converter.convert())


def _tensorflow() -> Any:
    """Import TensorFlow late (it takes seconds), on the CPU and without its start-up messages."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    import tensorflow

    return tensorflow


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the converter's routine warnings: deprecations of its own parts, types of inputs."""
    logger = logging.getLogger("absl")
    logger.addFilter(_is_error)  # a filter, since the converter itself resets the logger's level
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"\s*Warning: tf.lite.Interpreter is deprecated")
            yield
    finally:
        logger.removeFilter(_is_error)


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
