"""Firmware: the header of a model, the compiled engine on this machine and on an emulated Cortex-M4, and its costs."""
