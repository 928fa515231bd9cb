"""The checks of `scripts/doctor.py`. They change nothing and send nothing."""
