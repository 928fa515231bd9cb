"""A worker for gunicorn that reads requests. The app does not import it."""
