"""Which models are worth keeping: Pareto fronts, cost on a microcontroller, energy of training."""

from dlnet.select.cost import UNITS, Cost, StudentShape, student_cost
from dlnet.select.energy import Energy, check_country, grid_intensity, measure_energy, write_volatile
from dlnet.select.pareto import Front, Selection, hypervolume, pareto_front, select, thin

__all__ = [
    "UNITS",
    "Cost",
    "Energy",
    "Front",
    "Selection",
    "StudentShape",
    "check_country",
    "grid_intensity",
    "hypervolume",
    "measure_energy",
    "pareto_front",
    "select",
    "student_cost",
    "thin",
    "write_volatile",
]
