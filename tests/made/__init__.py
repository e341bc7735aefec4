"""Results and traces put together by hand, so that what is measured and billed can be computed beside it."""
