"""What we run: the schema and meaning of a stack file, and its resolution to plain numbers."""
