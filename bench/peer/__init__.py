"""Flask-Security (Flask-Security-Too) as the peer of the benchmark.

It runs in `.venv-peer`, with `requirements.txt` of this folder: its requirements do not enter ours.
The code follows Flask-Security's own quick start and changes no default that costs or saves time,
except where ours decides: bcrypt at the same cost, and the same account page.
"""
