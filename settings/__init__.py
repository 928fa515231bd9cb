"""How settings are read from the environment, and checked. `config.py` says which there are."""
