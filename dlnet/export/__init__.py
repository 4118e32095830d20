"""From a float student to one integer spec, and from it to .tflite files, golden vectors and sizes."""
