"""What maintainers run: results, methods, the simulated fleet, the fit of the cost model."""
