"""Usage times prices: one pure function a line of the bill, lines that sum to the total, and who caused which cost."""
