"""The steps of a person's journeys, by journey; `UserRepository` is all of them together."""
