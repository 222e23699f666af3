"""What is remembered: SQLite or PostgreSQL by SQLAlchemy Core; never talks to Slack or AWS."""
