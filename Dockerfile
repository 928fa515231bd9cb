FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/latchkey

# Before the code, so that a change of the code does not install the requirements again.
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

COPY config.py gunicorn.conf.py ./
COPY settings settings
COPY app app
COPY scripts scripts

# The app writes nothing to its own disk.
USER nobody
EXPOSE 8000
CMD ["gunicorn", "--bind", "0.0.0.0:8000", "app:create_app()"]
