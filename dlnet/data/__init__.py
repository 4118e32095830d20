"""From assets to clean windows: sources, schema, cleaning, split, windows, and the simulated fleet."""
