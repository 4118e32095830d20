"""What reports/firmware.json holds: costs of models on the device, and the proofs they passed."""

from __future__ import annotations

from dlnet.documents import Document


class Milliseconds(Document):
    """Modelled time: memory without wait states, flash with the cache on, and with the cache off."""

    no_wait: float
    cache_on: float
    cache_off: float


class MonitorCosts(Document):
    """Costs with cleaning and encoding; ``flash_bytes_with_state`` also has what saves the monitor's state."""

    flash_bytes: int
    flash_bytes_with_state: int
    push_instructions: int
    push_ms_modelled: Milliseconds
    forecast_instructions: int
    forecast_ms_modelled: Milliseconds


class DeviceCosts(Document):
    """Costs of one model, bytes and a forecast: the engine's, and under ``monitor`` those of everything."""

    instructions: int
    ms_modelled: Milliseconds
    flash_bytes: int
    ram_bytes: int
    stack_bytes: int
    monitor: MonitorCosts

    @property
    def budgeted(self) -> dict[str, float]:
        """The figures that have a limit: RAM is static data plus stack, time is with the flash cache off."""
        return {
            "flash_bytes": float(self.flash_bytes),
            "ram_bytes": float(self.ram_bytes + self.stack_bytes),
            "instructions": float(self.instructions),
            "ms_modelled": self.ms_modelled.cache_off,
        }


class FrontEnd(Document):
    """What 16-bit codes do: MAE, difference of inputs (units of the code) and of forecasts (in the target's unit).

    ``windows``: all those of validation assets, labelled or not; ``flagged``: given as saturated by the device;
    ``recleaned``: where rounding decided about an outlier, or a branch of a tree. ``forecast_max``: largest difference
    in all others; ``forecast_max_recleaned``, ``forecast_max_flagged``: in those.
    """

    mae_device_validation: float
    mae_host_validation: float
    input_lsb_mean: float
    input_lsb_p999: float
    input_lsb_max: int
    forecast_mean: float
    windows: int
    flagged: int
    recleaned: int
    forecast_max: float
    forecast_max_recleaned: float
    forecast_max_flagged: float


class ProvenModel(Document):
    """A model: who it is, and by whom ``golden_windows`` were found ``equal``."""

    model: str
    sha256: str
    front_end: FrontEnd
    golden_windows: int
    equal: tuple[str, ...]


class MeasuredModel(ProvenModel, DeviceCosts):
    """The same with its costs, and the relative errors of the cost model that selection used."""

    cost_model_error: dict[str, float]


class DifferingModel(Document):
    """A model whose compiled code does not give the numbers of its reference, and what ``differs``."""

    model: str
    sha256: str
    differs: str


class FirmwareReport(Document):
    """reports/firmware.json: each model of models/edge.

    Attributes:
        compiler: for the board; None: there was none, nothing was counted, and ``not_measured`` says so.
    """

    compiler: str | None
    not_measured: str | None = None
    models: tuple[MeasuredModel | ProvenModel | DifferingModel, ...]

    def entry(self, model: str, sha256: str) -> MeasuredModel | ProvenModel | DifferingModel | None:
        """What was found of a model with this content; None: it is not here."""
        return next((one for one in self.models if (one.model, one.sha256) == (model, sha256)), None)
