"""The database: transactions, columns, tables and migrations."""
