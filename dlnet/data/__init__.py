"""Cells in, clean windows out: sources, schema, cleaning, split, windows, and the simulated fleet."""
