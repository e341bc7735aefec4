"""Traces of requests: read, check, describe, scale, synthesise; `formats/` holds one file a foreign format."""
