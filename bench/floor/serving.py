"""How the floor is served: as many workers and threads as ours has, and gunicorn's own log."""

import os

worker_class = "gthread"
workers = os.environ.get("WEB_CONCURRENCY", "2")
threads = os.environ.get("WEB_THREADS", "64")
keepalive = 5
accesslog = "-"
control_socket_disable = True
