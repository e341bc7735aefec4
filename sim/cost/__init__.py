"""Usage times the price book: one function a line of the bill."""
