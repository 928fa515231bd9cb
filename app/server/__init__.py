"""How gunicorn reads requests; the app itself does not import it."""
