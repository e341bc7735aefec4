"""What a run prints and the files it writes."""
