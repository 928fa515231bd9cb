"""Login sessions, known browsers, rate limits, decoys, load shedding, signing keys."""
