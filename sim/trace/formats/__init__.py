"""Foreign trace formats, one file each."""
