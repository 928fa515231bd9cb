"""What the product promises when something breaks, shown by breaking the real thing.

`make test ARGS='-m faults'` runs only these tests; FAULT_ROUNDS=200 repeats the kills for longer.

- test_kills.py: the web process, the mail worker and the primary of a replica set are killed.
- test_mongodb_away.py: MongoDB is away at the start and at run time.
- test_database_errors.py: MongoDB answers with errors.
- test_unknown_outcomes.py: the answer to a write is lost.
- test_mail_server.py: the mail server is slow, refuses, or hangs up. tests/mail/test_delivery.py
  has each answer on its own.
- test_races.py: parallel requests. tests/users/test_on_mongod.py has the same races without HTTP.
"""
