"""What `scripts/doctor.py` looks at. Nothing is changed, and nothing is sent."""
