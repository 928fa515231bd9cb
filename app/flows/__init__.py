"""The journeys, one module each.

A flow takes plain values and the client that sends the request. It does the whole journey in this
order: limits, look-up, hash, one command of the repository, audit log. It returns one of a few
frozen results that say what happened, never a response or a sentence. It raises only for faults.
Pages turn the results into answers.
"""
