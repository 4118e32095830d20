"""Pictures: style, axes, and those of the data."""
