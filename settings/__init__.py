"""Reads and checks settings from the environment. `config.py` lists the settings."""
