"""What to do with forecasts: put stacks side by side, and hold what was predicted against what was paid."""
