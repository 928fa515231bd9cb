"""The steps of each journey, one module per journey. `UserRepository` puts them together."""
