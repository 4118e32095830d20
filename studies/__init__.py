"""Studies for maintainers: results, methods, the simulated cells, the fit of the cost model."""
