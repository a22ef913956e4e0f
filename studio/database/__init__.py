"""The database: its rules, its columns and tables, and the way from one version of them to the next."""
