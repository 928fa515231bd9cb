"""gunicorn's settings for the floor and the peers: workers and threads as ours, its own log."""

import os

worker_class = "gthread"
workers = os.environ.get("WEB_CONCURRENCY", "2")
threads = os.environ.get("WEB_THREADS", "64")
keepalive = 5
accesslog = "-"
control_socket_disable = True
