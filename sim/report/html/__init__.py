"""report.html: one file that opens offline, made from the files of a folder under outputs/ and nothing else."""
