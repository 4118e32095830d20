"""Makes data/embedded.parquet with PyBaMM."""
