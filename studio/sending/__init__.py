"""From a click to an outcome in the database: one request, for everything that costs or creates."""
