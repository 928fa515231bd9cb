"""The domain: accounts and what happens to them. Knows MongoDB, not Flask."""
