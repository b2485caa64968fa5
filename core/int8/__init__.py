"""Networks whose weights and activations are 8-bit integers in another runtime's file: made, read back, run."""
