"""Makes data/pump.parquet with ProgPy."""
