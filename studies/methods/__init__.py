"""What each method of the compression toolbox does for error, flash and instructions, on the MIT cells."""
