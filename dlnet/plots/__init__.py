"""Figures: common style and axes, and the figures of the data report."""
