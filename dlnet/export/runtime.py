"""Run the .tflite files on windows: in LiteRT (batched) and in TFLite Micro's own interpreter (window by window)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import numpy as np
from tqdm import tqdm

from dlnet.errors import ModelError
from dlnet.export import fixed
from dlnet.export.fixed import Floats
from dlnet.export.layout import Spec
from dlnet.export.litert import EdgeFiles
from dlnet.export.reference import (
    FloatInput,
    Int16s,
    Int32s,
    Trace,
    check_windows,
    from_fixed,
    of_branch,
    quantise_anchor,
    quantise_inputs,
    read_out,
    skip_inputs,
)

Kernels = Literal["reference", "default"]
Invoke = Callable[..., Int16s]
ARENA_BYTES = 1 << 18


@dataclass(frozen=True)
class Graph:
    """A flatbuffer ready to run: widths and scales of its inputs by name, and the scale of its output."""

    invoke: Invoke
    widths: dict[str, int]
    scales: dict[str, float]
    output_scale: float


def predict_litert(
    files: EdgeFiles, spec: Spec, z: FloatInput, anchor: FloatInput, kernels: Kernels = "reference"
) -> Floats:
    """Forecast (N, horizon) in health of encoded windows ``z`` (N, T, C) by LiteRT.

    ``kernels``: "reference" (plain C++, ``BUILTIN_REF``) or "default" (optimised, without delegates).
    """
    return from_fixed(run_litert(files, spec, quantise_inputs(z), quantise_anchor(anchor), kernels).forecast)


def predict_tflm(files: EdgeFiles, spec: Spec, z: FloatInput, anchor: FloatInput, progress: bool = True) -> Floats:
    """Forecast as ``predict_litert`` does, by TFLite Micro, window by window; ``progress`` shows a bar."""
    return from_fixed(run_tflm(files, spec, quantise_inputs(z), quantise_anchor(anchor), progress).forecast)


def run_litert(files: EdgeFiles, spec: Spec, z: Int16s, anchor: Int32s, kernels: Kernels = "reference") -> Trace:
    """Run quantised windows through LiteRT, all at once; the trace is in the formats of the spec."""
    check_windows(spec, z, anchor)
    graphs = [_litert_graph(content, len(z), kernels) for content in (files.step, files.head)]
    return _run(graphs[0], graphs[1], spec, z, anchor)


def run_tflm(files: EdgeFiles, spec: Spec, z: Int16s, anchor: Int32s, progress: bool = True) -> Trace:
    """Run quantised windows through TFLite Micro, window by window."""
    check_windows(spec, z, anchor)
    invocations = len(z) * (spec.steps * spec.substeps + 1)
    with tqdm(total=invocations, desc="TFLite Micro", unit="invoke", disable=not progress) as bar:
        graphs = [_tflm_graph(content, bar) for content in (files.step, files.head)]
        return _run(graphs[0], graphs[1], spec, z, anchor)


def _run(step: Graph, head: Graph, spec: Spec, z: Int16s, anchor: Int32s) -> Trace:
    """Loop the step graph over the window, run the head, read out as the spec does."""
    _check_fit(step, head, spec)
    input_unit, state_unit = 2.0**-fixed.INPUT_BITS, 2.0**-fixed.STATE_BITS
    hidden = np.zeros((len(z), spec.steps, spec.hidden), np.int16)
    state = np.zeros((len(z), spec.hidden), np.int16)
    for t in range(spec.steps):
        x = _rescale(z[:, t], input_unit, step.scales["x"])
        for _ in range(spec.substeps):
            state = step.invoke(x=x, h=_rescale(state, step.output_scale, step.scales["h"]))
        hidden[:, t] = _rescale(state, step.output_scale, state_unit)
    skip = skip_inputs(spec, z)
    inputs = {"h": _rescale(state, step.output_scale, head.scales["h"])}
    if spec.skip:
        inputs["s"] = _rescale(skip, input_unit, head.scales["s"])
    if spec.gate is not None:
        inputs["x"] = _rescale(z[:, -1], input_unit, head.scales["x"])
    all_logits = _rescale(head.invoke(**inputs), head.output_scale, input_unit)
    rows = len(spec.head.bias)
    branch = np.zeros(len(z), np.int16) if spec.gate is None else all_logits[:, rows:].argmax(axis=1).astype(np.int16)
    logits = of_branch(all_logits[:, :rows], branch, spec.outputs)
    return Trace(hidden, skip, branch, logits, read_out(spec, logits, anchor))


def _rescale(values: Int16s, unit: float, new_unit: float) -> Int16s:
    """The same numbers in another unit, rounded and saturated to int16."""
    if unit == new_unit:
        return values
    scaled = np.rint(values * (unit / new_unit))
    return np.asarray(np.clip(scaled, fixed.INT16_MIN, fixed.INT16_MAX), np.int16)


def _check_fit(step: Graph, head: Graph, spec: Spec) -> None:
    extra = {"s": len(spec.skip)} if spec.skip else {}
    if spec.gate is not None:
        extra["x"] = spec.channels
    expected = ({"x": spec.channels, "h": spec.hidden}, {"h": spec.hidden, **extra})
    if (step.widths, head.widths) != expected:
        raise ModelError(
            f"the .tflite files take inputs {step.widths} and {head.widths}, the spec {expected}: "
            "they are of different models; run dvc repro"
        )


def _describe(interpreter: Any) -> tuple[list[str], dict[str, int], dict[str, float], float]:
    """Names of the inputs in the file's own order, their widths and scales, and the scale of the output."""
    inputs, output = interpreter.get_input_details(), interpreter.get_output_details()[0]
    if any(detail["dtype"] is not np.int16 for detail in (*inputs, output)):
        raise ModelError("inputs and outputs of the .tflite file are not int16; run dvc repro")
    names = [detail["name"].removeprefix("serving_default_").partition(":")[0] for detail in inputs]
    widths = [int(detail["shape"][1]) for detail in inputs]
    scales = [float(detail["quantization"][0]) for detail in inputs]
    return (
        names,
        dict(zip(names, widths, strict=True)),
        dict(zip(names, scales, strict=True)),
        float(output["quantization"][0]),
    )


def _interpreter(content: bytes, kernels: Kernels) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    # Delegates would replace the kernels that are to be measured, and print to stderr.
    resolver = {
        "reference": OpResolverType.BUILTIN_REF,
        "default": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    }[kernels]
    try:
        return Interpreter(model_content=content, experimental_op_resolver_type=resolver, num_threads=1)
    except ValueError as error:
        raise ModelError(f"not a usable .tflite file ({error}); run dvc repro") from error


def _litert_graph(content: bytes, batch: int, kernels: Kernels) -> Graph:
    interpreter = _interpreter(content, kernels)
    _, widths, scales, output_scale = _describe(interpreter)
    details = interpreter.get_input_details()
    index = dict(zip(widths, [detail["index"] for detail in details], strict=True))
    for name, width in widths.items():
        interpreter.resize_tensor_input(index[name], [batch, width])
    interpreter.allocate_tensors()
    output = interpreter.get_output_details()[0]["index"]

    def invoke(**values: Int16s) -> Int16s:
        for name, value in values.items():
            interpreter.set_tensor(index[name], value)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(output), np.int16)

    return Graph(invoke, widths, scales, output_scale)


def _tflm_graph(content: bytes, bar: tqdm[NoReturn]) -> Graph:
    from tflite_micro.python.tflite_micro import runtime

    names, widths, scales, output_scale = _describe(_interpreter(content, "reference"))
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA_BYTES)

    def invoke(**values: Int16s) -> Int16s:
        rows = []
        for i in range(len(values["h"])):
            for name, value in values.items():
                interpreter.set_input(value[i : i + 1], names.index(name))
            interpreter.invoke()
            rows.append(interpreter.get_output(0))
            bar.update()
        return np.concatenate(rows).astype(np.int16)

    return Graph(invoke, widths, scales, output_scale)
