"""What a caller asks and gets back: load_stack(), simulate(), forecast(), compare(), sweep() and plan(), and their results with tables.

The commands of `sim` call the same functions, so that a table of Python and a file of a command are the same numbers.
"""
