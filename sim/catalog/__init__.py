"""The catalogue: finding and reading models/, strict schemas, located errors, and the price book."""
