"""What is promised when something breaks, shown by breaking it."""
