"""The effect of each method of the compression toolbox on error, flash and instructions, on the MIT cells."""
