"""How close to the limit of its stack the app runs: `python -m bench`, or `make bench`.

The floor is the least code on the same stack (Flask, pymongo, bcrypt) that does the same step. Each
row measures the app and the floor in the same run, in short alternating rounds. `--peer` adds
Flask-Security. See docs/benchmark.md.
"""
