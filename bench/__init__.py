"""How close to the limit of its stack the product runs: `python -m bench`, or `make bench`.

Every row compares the app with a floor in the same run, in short rounds that take turns: the least
code on the same stack (Flask, pymongo, bcrypt) that does the same step. See docs/benchmark.md.
"""
